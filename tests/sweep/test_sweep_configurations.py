"""A layer in many configurations: bugs that sleep until one changes are found, and what wakes them is named."""

import re

import numpy as np
import pytest
from strided_windows import stride_forgotten, windows_backward

from gradcheck import GradcheckError, check_layer, load_report


def rng():
    return np.random.default_rng(0)


def windows_forward(x, w, stride=1, pad=0):
    padded = np.pad(x, ((0, 0), (pad, pad)))
    n = (padded.shape[1] - len(w)) // stride + 1
    return np.stack([padded[:, i * stride : i * stride + len(w)] @ w for i in range(n)], 1), (x, w, stride, pad)


def padding_forgotten(dout, cache):
    _x, _w, _stride, pad = cache
    below, dw = windows_backward(dout, cache)
    return np.roll(below, pad, axis=1), dw


def swept(backward, sweep, **options):
    return check_layer(
        windows_forward, backward, rng().normal(size=(3, 8)), rng().normal(size=3), sweep=sweep, **options
    )


GRID = {"stride": [1, 2, 3], "pad": [0, 1, 2]}


def test_a_right_layer_is_right_in_every_configuration():
    report = swept(windows_backward, GRID)
    assert report.ok
    assert report.kind == "sweep"
    assert [c.verdict for c in report.configurations] == ["right"] * 9
    assert report.findings == ()


@pytest.mark.parametrize(
    ("backward", "words"),
    [(stride_forgotten, "every stride above 1"), (padding_forgotten, "every pad above 0")],
)
def test_what_the_wrong_ones_share_is_said_first(backward, words):
    report = swept(backward, GRID)
    assert not report.ok
    first = report.findings[0]
    assert (first.code, first.severity) == ("GC130", "error")
    assert first.title == f"wrong for {words}, right for all others (6 of 9 configurations)"
    wrong = [dict(c.settings) for c in report.configurations if c.verdict == "wrong"]
    assert len(wrong) == 6
    assert all(c.wrong and c.largest_error > 1e-3 for c in report.configurations if c.verdict == "wrong")


def test_auto_varies_options_and_sizes_itself():
    right = swept(windows_backward, "auto", kwargs={"stride": 1, "pad": 0})
    assert right.ok
    assert {name for c in right.configurations for name, _ in c.settings} == {"stride", "pad", "x", "w"}
    wrong = swept(stride_forgotten, "auto", kwargs={"stride": 1, "pad": 0})
    assert wrong.findings[0].title.startswith("wrong for every stride above 1")


def test_sizes_of_arrays():
    def forward(x):
        return np.cumsum(x, axis=0), x

    def backward(dout, x):  # right for up to two steps
        return dout + np.roll(dout, -1, axis=0) * (np.arange(len(x)) < len(x) - 1)[:, None]

    report = check_layer(forward, backward, rng().normal(size=(2, 3)), sweep={"shape": [(n, 3) for n in (1, 2, 3, 4)]})
    assert [c.verdict for c in report.configurations] == ["right", "right", "wrong", "wrong"]
    assert report.findings[0].title.startswith("wrong for every batch size above 2")
    assert [dict(c.settings)["shape"] for c in report.configurations] == ["1×3", "2×3", "3×3", "4×3"]


def test_repeated_indices():
    def forward(table, idx):
        return table[idx], (table, idx)

    def backward(dout, cache):
        table, idx = cache
        d = np.zeros_like(table)
        d[idx] = dout  # loses what comes twice
        return (d,)

    indices = [np.array([0, 1, 2]), np.array([3, 1, 0]), np.array([1, 1, 2]), np.array([0, 3, 3])]
    report = check_layer(forward, backward, rng().normal(size=(4, 2)), np.array([0, 1, 2]), sweep={"idx": indices})
    assert [c.verdict for c in report.configurations] == ["right", "right", "wrong", "wrong"]
    assert "wrong for repeated entries of idx" in report.findings[0].title


def test_options_in_a_dictionary_and_attributes_of_a_layer():
    def forward(x, options):
        return x * options["scale"], (x, options)

    def backward(dout, cache):
        return dout * min(cache[1]["scale"], 2)

    report = check_layer(forward, backward, rng().normal(size=(2, 3)), {"scale": 1}, sweep={"scale": [1, 2, 3]})
    assert [c.verdict for c in report.configurations] == ["right", "right", "wrong"]

    class Scale:
        factor = 1

        def forward(self, x):
            return x * self.factor

        def backward(self, dout):
            return dout

    layer = Scale()
    report = check_layer(layer, rng().normal(size=(2, 3)), sweep={"factor": [1, 2]})
    assert [c.verdict for c in report.configurations] == ["right", "wrong"]
    assert layer.factor == 1


def test_dtypes_and_seeds():
    report = swept(windows_backward, {"dtype": ["float32", "float64"], "seed": [0, 1]})
    assert report.ok
    assert len(report.configurations) == 4


def test_what_was_asked_for_and_could_not_be_checked_is_not_right():
    report = swept(windows_backward, {"x": [(3, 8), (3, 2)]})
    assert [c.verdict for c in report.configurations] == ["right", "undecided"]
    assert "the forward windows_forward" in report.configurations[1].reason
    assert "\n" not in report.configurations[1].reason
    assert not report.ok
    assert "right in 1 of 2 configurations, 1 could not be checked" in str(report).splitlines()[0]


def pixels_forward(x, w):
    return np.einsum("nchw,cf->nfhw", x, w), (x, w)


def height_taken_for_width(dout, cache):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(dout.shape[3]):
        for j in range(dout.shape[2]):
            dx[:, :, i, j] = dout[:, :, i, j] @ w.T
            dw += x[:, :, i, j].T @ dout[:, :, i, j]
    return dx, dw


@pytest.mark.parametrize("sweep", ["auto", {"x": [(2, 3, 2, 2), (2, 3, 3, 3), (2, 3, 2, 3), (2, 3, 3, 2)]}])
def test_a_backward_that_raises_where_the_forward_ran_is_wrong(sweep):
    x, w = rng().normal(size=(2, 3, 2, 2)), rng().normal(size=(3, 4))
    report = check_layer(pixels_forward, height_taken_for_width, x, w, sweep=sweep)
    assert not report.ok
    first = report.findings[0]
    assert (first.code, first.severity) == ("GC130", "error")
    assert first.title.startswith("the backward raises for height of x ≠ width of x, right for all others (")
    assert "raised IndexError" in first.evidence[-1]
    assert {c.verdict for c in report.configurations} == {"right", "wrong"}
    assert any("raised IndexError" in c.fault for c in report.configurations)


def test_sizes_that_arrays_share_are_varied_together():
    def forward(q, k):
        return q @ k.T / np.sqrt(q.shape[1]), (q, k)

    def backward(dout, cache):
        q, k = cache
        return dout @ k / 2, dout.T @ q / 2  # the root of the 4 that it was tried with

    report = check_layer(forward, backward, rng().normal(size=(5, 4)), rng().normal(size=(3, 4)), sweep="auto")
    assert report.findings[0].title.startswith("wrong for every axis 1 of q but 4, right for all others")


def test_a_size_that_broadcasting_alone_lets_be_1_is_not_tried():
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(0)

    arrays = rng().normal(size=(4, 3)), rng().normal(size=(3, 2)), rng().normal(size=2)
    report = check_layer(lambda x, w, b: (x @ w + b, (x, w)), backward, *arrays, sweep="auto")
    assert report.ok
    shapes = [tuple(dict(c.settings)[name] for name in ("x", "w", "b")) for c in report.configurations]
    assert ("4×3", "3×3", "3") in shapes
    assert ("4×5", "5×2", "2") in shapes
    assert ("4×3", "3×2", "1") not in shapes


def test_labels_are_varied_with_the_batch():
    def forward(x, y):
        p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        return -np.log(p[np.arange(len(y)), y]).mean(), (p, y)

    def backward(dout, cache):
        p, y = cache
        return dout * (p - np.eye(p.shape[1])[y]) / len(y)

    report = check_layer(forward, backward, rng().normal(size=(4, 3)), np.array([0, 2, 1, 1]), sweep="auto")
    assert report.ok
    assert ("5×3", "5") in [(dict(c.settings)["x"], dict(c.settings)["y"]) for c in report.configurations]


def test_windows_that_do_not_fit_are_not_tried():
    def forward(x, size=2):
        n = x.shape[1] // size
        return x[:, : n * size].reshape(len(x), n, size).mean(2), (x.shape, n, size)

    def backward(dout, cache):
        shape, n, size = cache
        d = np.zeros(shape)
        d[:, : n * size] = np.repeat(dout, size, 1) / size
        return d

    report = check_layer(forward, backward, rng().normal(size=(2, 4)), sweep="auto")
    assert report.ok
    assert "2×1" not in [dict(c.settings)["x"] for c in report.configurations]
    assert check_layer(forward, backward, rng().normal(size=(2, 4)), sweep={"x": [(2, 4), (2, 1)]}).ok is False


def test_what_auto_does_not_vary_is_said():
    class Layer:
        def __init__(self):
            self.W, self.training, self.scale = rng().normal(size=(3, 2)), True, 1.0

        def forward(self, x):
            self.x = x
            return x @ self.W * self.scale

        def backward(self, dout):  # forgets the scale
            self.dW = self.x.T @ dout
            return dout @ self.W.T

    report = check_layer(Layer(), rng().normal(size=(4, 3)), sweep="auto")
    assert "not varied by itself: axis 1 of x, training, scale; give the values to try" in report.notes[0]
    assert not check_layer(Layer(), rng().normal(size=(4, 3)), sweep={"scale": [1.0, 2.0]}).ok


def test_auto_says_how_many_of_those_it_tried_could_be_checked():
    def forward(x):
        if x.shape[0] == 1:
            return np.sqrt(np.abs(x)) / 0 * x, x
        return x**2, x

    with np.errstate(all="ignore"):
        report = check_layer(forward, lambda dout, x: 2 * x * dout, rng().normal(size=(2, 3)), sweep="auto")
    assert report.ok
    assert "not checked" in {c.verdict for c in report.configurations}
    assert "could not be checked" in str(report).splitlines()[0]


def test_a_report_survives_json():
    report = swept(stride_forgotten, {"stride": [1, 2]})
    assert load_report(report.to_json()) == report


@pytest.mark.parametrize(
    ("sweep", "phrase"),
    [
        ({}, 'sweep: give the values to try by name, sweep={"stride": [1, 2], "pad": [0, 1]}, or sweep="auto"'),
        ("all", 'or sweep="auto"'),
        ({"stride": 2}, "sweep['stride']: it is"),
        ({"stride": []}, "give a list of the values to try"),
        ({"stride": "12"}, "give a list of the values to try"),
        ({3: [1]}, "sweep: the key 3 is no name"),
        ({"seed": ["a"]}, "seed: it must be a whole number from 0 up, not 'a'"),
        ({"strides": [1, 2]}, "sweep: nothing of windows_forward is called 'strides'; it takes x, w, stride, pad"),
        ({"x": [3]}, "sweep['x']: 3 is no shape"),
        ({"stride": list(range(1, 600))}, "that makes 599 configurations; give fewer values, 512 are the most"),
        ({"x": [(3, 1), (3, 2)]}, "sweep: none of the 2 configurations could be checked"),
    ],
)
def test_a_sweep_that_cannot_be_made_is_refused_in_words(sweep, phrase):
    with pytest.raises(GradcheckError, match=re.escape(phrase)):
        swept(windows_backward, sweep)


def test_a_combination_that_the_forward_refuses_is_told_where_its_values_were_checked_in_others():
    def forward(x, k=1, p=0):
        if k == 2 and p == 1:
            raise ValueError("no such windows")
        return x * k + p, k

    def backward(dout, k):
        return dout * k

    x = rng().normal(size=(3, 2))
    report = check_layer(forward, backward, x, sweep={"k": [1, 2], "p": [0, 1]})
    assert [c.verdict for c in report.configurations] == ["right", "right", "right", "not checked"]
    assert report.ok
    assert "right in 3 of 4 configurations, 1 could not be checked" in str(report).splitlines()[0]
    assert not check_layer(forward, backward, x, sweep={"k": [2], "p": [0, 1]}).ok
