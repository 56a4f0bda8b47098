"""Options that are left at their defaults: varied by sweep="auto" as those given, or noted."""

import numpy as np
import torch
from strided_windows import stride_forgotten, windows_backward

from gradcheck import check_layer

X, W = np.random.default_rng(0).normal(size=(3, 8)), np.random.default_rng(1).normal(size=3)


def windows(x, w, stride=1, pad=0, eps=0.25, training=True, verbose=False, name="w", mask=None, return_cache=True):
    if verbose:
        print("noise")
    padded = np.pad(x, ((0, 0), (pad, pad)))
    n = (padded.shape[1] - len(w)) // stride + 1
    out = np.stack([padded[:, i * stride : i * stride + len(w)] @ w for i in range(n)], 1) + eps
    out = out if training else out * x.mean()  # the backward is that of the training
    return (out, (x, w, stride, pad)) if return_cache else out


def values(report, name):
    return {dict(c.settings)[name] for c in report.configurations}


def test_a_stride_left_at_its_default_is_varied():
    report = check_layer(windows, stride_forgotten, X, W, sweep="auto", budget=0)
    assert report.findings[0].title.startswith("wrong for every stride above 1, right for all others (")


def test_a_right_layer_of_many_options_is_right_and_what_was_left_is_noted(capsys):
    report = check_layer(windows, windows_backward, X, W, sweep="auto")
    assert report.ok
    assert report.findings == ()
    assert values(report, "stride") == {"1", "2", "3"}
    assert values(report, "pad") == {"0", "1", "2"}
    assert "not varied by itself: eps, training, mask, return_cache; give" in report.notes[0]
    assert capsys.readouterr().out == ""


def test_options_by_keyword_only_and_in_tuples():
    def pool(x, *, size=(2, 2), stride=(2, 2)):
        ends = [(n - k) // s + 1 for n, k, s in zip(x.shape, size, stride, strict=True)]
        at = [[(i * stride[0], j * stride[1]) for j in range(ends[1])] for i in range(ends[0])]
        out = np.array([[x[i : i + size[0], j : j + size[1]].mean() for i, j in row] for row in at])
        return out, (x.shape, size, at)

    def back(add):
        def backward(dout, cache):
            shape, size, at = cache
            dx = np.zeros(shape)
            for row, share in zip(at, dout / np.prod(size), strict=True):
                for (i, j), one in zip(row, share, strict=True):
                    place = dx[i : i + size[0], j : j + size[1]]
                    place[...] = place + one if add else one
            return dx

        return backward

    x = np.random.default_rng(0).normal(size=(5, 4))
    right, wrong = (check_layer(pool, back(add), x, sweep="auto", budget=0) for add in (True, False))
    assert right.ok
    assert {"1×1", "1×2", "2×2", "3×3"} <= values(right, "stride")
    assert not wrong.ok
    [found] = check_layer(pool, back(False), x).findings
    assert found.code == "GC144"  # side by side at the default


def test_methods_and_functions_of_torch():
    class Layer:
        def fprop(self, x, stride=1):
            self.shape, self.stride = x.shape, stride
            return 3 * x[::stride]

        def bprop(self, dout):
            dx = np.zeros(self.shape)
            dx[:: self.stride] = 3 * dout
            return dx

    class Strided(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, scale=2.0, stride=1):
            ctx.shape = x.shape
            ctx.scale, ctx.stride = scale, stride
            return scale * x[::stride]

        @staticmethod
        def backward(ctx, dout):
            dx = dout.new_zeros(ctx.shape)
            dx[:: ctx.stride] = ctx.scale * dout
            return dx, None, None

    for layer, x in ((Layer(), X), (Strided, torch.tensor(X, requires_grad=True))):
        report = check_layer(layer, x, sweep="auto")
        assert report.ok
        assert values(report, "stride") == {"1", "2", "3"}
        assert {c.verdict for c in report.configurations} == {"right"}


def test_values_that_the_forward_refuses_are_said_to_be_not_checked():
    def forward(x, stride=1, circular=False):
        if stride > 2 or circular:
            raise ValueError("not written yet")
        return x[:, ::stride] * x[:, ::stride], (x, stride)

    def backward(dout, cache):
        x, stride = cache
        dx = np.zeros_like(x)
        dx[:, ::stride] = 2 * dout * x[:, ::stride]
        return dx

    report = check_layer(forward, backward, X, sweep="auto")
    assert report.ok
    skipped = [c for c in report.configurations if c.verdict == "not checked"]
    assert {c.verdict for c in report.configurations} == {"right", "not checked"}
    assert {dict(c.settings)["circular"] for c in skipped} == {"True", "False"}
    assert all("not written yet" in c.reason for c in skipped)


def test_what_hides_a_mistake_at_the_values_given_is_said_in_a_sweep_too():
    def forward(x, k=1.0):
        return k * x * x, (x, k)

    report = check_layer(forward, lambda dout, cache: 2 * cache[0] * dout, X, sweep="auto")
    assert report.ok
    [found] = report.findings
    assert (found.code, found.title) == ("GC143", "dx is right here, where k is 1, and wrong where it is 0.6")


def test_derivatives_given_for_each_argument_are_no_input_of_the_forward():
    def scaled(x, w, k=1.0):
        return k * x * w

    vjps = [lambda g, ans, x, w, k=1.0: g * w * k, lambda g, ans, x, w, k=1.0: g * x * k]
    report = check_layer(scaled, vjps, W, W + 1, sweep="auto")
    assert report.ok
    assert values(report, "x") == {"3", "1", "4", "5"}


def test_a_size_at_which_a_right_gradient_is_zero_is_not_held_against_it():
    def softmax(x):
        e = np.exp(x - x.max(-1, keepdims=True))
        p = e / e.sum(-1, keepdims=True)
        return p, p

    def right(d, p):
        return p * (d - (d * p).sum(-1, keepdims=True))

    def wrong(d, p):
        return p * (1 - p) * d

    x = np.random.default_rng(0).normal(size=(4, 5))
    report = check_layer(softmax, right, x, sweep="auto")
    assert report.ok
    [left] = [c for c in report.configurations if c.verdict != "right"]
    assert (left.verdict, left.reason) == (
        "not checked",
        "every gradient is zero there, so that nothing is compared",
    )
    assert not check_layer(softmax, wrong, x, sweep="auto", raises=False).ok
    assert not check_layer(softmax, right, x, sweep={"x": [(4, 1)]}, raises=False).ok  # it was asked for
