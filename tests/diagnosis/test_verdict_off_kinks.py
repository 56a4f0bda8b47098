"""Entries at a kink excuse themselves, and no mistake elsewhere: that is wrong, and its cause is named."""

import numpy as np
import pytest

from gradcheck import check_layer

AT_KINKS = np.array([[1.0, -2, 0, 0.5], [0, 0, -1, 3]])


def leaky(x):
    return np.where(x > 0, x, 0.1 * x), x


@pytest.mark.parametrize(("slope", "code"), [(0.2, "GC231"), (0.0, "GC230")])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_wrong_slope_is_named_though_some_entries_are_zero(slope, code, dtype):
    report = check_layer(leaky, lambda d, x: d * np.where(x > 0, 1, slope).astype(x.dtype), AT_KINKS, dtype=dtype)
    (result,) = report.gradients
    assert (result.verdict, result.kinks) == ("wrong", 3)
    assert {entry.index for entry in result.worst} == {(0, 1), (1, 2)}
    assert [f.code for f in report.findings] == [code]
    assert 0.01 < result.relative_error < 1
    assert result.probe is not None
    assert abs(result.probe.numeric - result.probe.autograd) <= result.probe.error + 1e-9


@pytest.mark.parametrize("at_zero", [0.1, 0.4, 1.0])
def test_any_value_between_the_slopes_goes_on_to_be_right_there(at_zero):
    report = check_layer(leaky, lambda d, x: d * np.where(x == 0, at_zero, np.where(x > 0, 1, 0.1)), AT_KINKS)
    assert report.ok


def dense(x, w, b):
    z = x @ w + b
    return np.where(z > 0, z, 0.1 * z), (x, w, z)


def dense_backward(summed):
    def backward(d, cache):
        x, w, z = cache
        d = d * np.where(z > 0, 1, 0.1)
        return d @ w.T, x.T @ d, summed(d)

    return backward


@pytest.mark.parametrize(
    ("summed", "code"), [(lambda d: d.mean(0), "GC201"), (lambda d: d[:-1].sum(0), "GC207")], ids=["mean", "last"]
)
def test_a_bias_whose_every_entry_is_at_a_kink_is_judged_beside_it(summed, code):
    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((4, 3)), rng.standard_normal((3, 5))
    x[1] = 0
    report = check_layer(dense, dense_backward(summed), x, w, np.zeros(5))
    assert [g.verdict for g in report.gradients] == ["right", "right", "wrong"]
    assert report.gradients[2].reason == "wrong where the inputs are moved by a thousandth, away from the kink"
    assert [f.code for f in report.findings] == [code]
    assert check_layer(dense, dense_backward(lambda d: d.sum(0)), x, w, np.zeros(5)).ok


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("at_corners", "verdict"), [(0.1, "right"), (1.0, "right"), (2.5, "not right")])
def test_a_blank_row_through_a_leaky_relu_may_take_either_slope_throughout(at_corners, verdict, seed):
    def backward(d, cache):
        x, w, z = cache
        d = d * np.where(z == 0, at_corners, np.where(z > 0, 1, 0.1))
        return d @ w.T, x.T @ d, d.sum(axis=0)

    rng = np.random.default_rng(2)
    x, w = rng.standard_normal((4, 3)), rng.standard_normal((3, 4))
    x[1] = 0
    assert check_layer(dense, backward, x, w, np.zeros(4), seed=seed).ok == (verdict == "right")


def test_what_shows_at_other_values_alone_is_wrong_at_a_kink_as_well():
    """The last sample is all clipped here, so that leaving it out of the bias's gradient does not show."""

    def forward(x, b):
        z = x + b
        return np.clip(z, 0, 1), z

    def backward(summed):
        return lambda d, z: (d * ((z > 0) & (z < 1)), summed(d * ((z > 0) & (z < 1))))

    x = np.random.default_rng(0).standard_normal((5, 4))
    x[1], x[-1] = 0, -0.5
    assert check_layer(forward, backward(lambda d: d.sum(0)), x, np.zeros(4)).ok
    report = check_layer(forward, backward(lambda d: d[:-1].sum(0)), x, np.zeros(4))
    assert [g.verdict for g in report.gradients] == ["right", "wrong"]
    assert "right here, and off by" in report.gradients[1].reason


def pay_first(d, x):
    paid = np.zeros_like(x)
    paid[np.arange(len(x)), x.argmax(1)] = d
    return paid


@pytest.mark.parametrize("factor", [[1, 1, 1.01], [1, 1, 0], [0.5, 0.5, 0.5]])
def test_a_mistake_in_a_row_without_a_tie_is_wrong(factor):
    x = np.array([[1.0, 1, 0], [2, 2, 2], [0, 1, 0.5]])
    forward = lambda x: (x.max(1), x)  # noqa: E731  # one line, as the layer it is
    assert check_layer(forward, pay_first, x).ok
    report = check_layer(forward, lambda d, x: pay_first(d * factor, x), x)
    assert report.gradients[0].verdict == "wrong"
    assert report.findings
