"""What must happen when samples are written twice or in another order, where nothing can be differentiated."""

import numpy as np
import opaque
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(3)
X, W, B = (RNG.standard_normal(shape) for shape in ((6, 3), (3, 5), (5,)))


def coarse(x, w, b):
    """A forward of few digits, as quantised code has: differences tell nothing of it."""
    return np.round((opaque.raw(x) @ opaque.raw(w) + opaque.raw(b)) * 50) / 50, (x, w)


def mean(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout / len(x), dout.sum(axis=0)


def last(dout, cache):
    x, w = cache
    return dout @ w.T, np.outer(x[-1], dout[-1]), dout.sum(axis=0)


FORWARDS = pytest.mark.parametrize("forward", [opaque.linear, coarse], ids=["exact", "coarse"])


def findings(report):
    return [f for f in report.findings if f.code == "GC145"]


@FORWARDS
def test_a_mean_is_told_from_a_sum_without_a_derivative(forward):
    report = check_layer(forward, mean, X, W, B)
    assert not report.ok
    [found] = findings(report)
    assert (found.gradient, found.severity) == ("dw", "error")
    assert "half of what it must be when the batch is written twice: likely a mean taken for a sum" in found.title


@FORWARDS
def test_a_loop_that_keeps_the_last_sample_depends_on_their_order(forward):
    [found] = findings(check_layer(forward, last, X, W, B))
    assert "dw depends on the order of the samples" in found.title


@FORWARDS
def test_a_right_backward_is_not_accused(forward):
    assert findings(check_layer(forward, opaque.linear_backward, X, W, B)) == []


def test_numeric_differences_alone_would_not_decide_the_coarse_forward():
    assert {g.verdict for g in check_layer(coarse, mean, X, W, B).gradients} == {"undecided"}


@pytest.mark.parametrize(("average", "given", "found"), [(True, True, 0), (True, False, 1), (False, False, 0)])
def test_a_loss_that_averages_has_gradients_that_do(average, given, found):
    def loss(x, w):
        error = opaque.raw(x) @ opaque.raw(w)
        value = 0.5 * np.sum(error**2) / (len(x) if average else 1)
        n = len(x) if given else 1
        return value, {"x": error @ w.T / (len(x) if average else 1), "w": x.T @ error / n}

    told = findings(check_layer(loss, X, W))
    assert len(told) == found
    if found:
        assert "dw is twice what it must be" in told[0].title


def test_samples_that_belong_together_are_left_alone():
    """A running sum over the rows follows neither a repetition nor another order."""

    def forward(x):
        return np.cumsum(opaque.raw(x), axis=0), None

    def backward(dout, cache):
        return np.cumsum(dout[::-1], axis=0)[::-1].copy()

    report = check_layer(forward, backward, X)
    assert report.ok
    assert report.findings == ()


def test_a_normalisation_over_the_batch_is_not_accused():
    def forward(x):
        x = opaque.raw(x)
        deviation = x.std(axis=0)
        return (x - x.mean(axis=0)) / deviation, ((x - x.mean(axis=0)) / deviation, deviation)

    def backward(dout, cache):
        z, deviation = cache
        return (dout - dout.mean(axis=0) - z * (dout * z).mean(axis=0)) / deviation

    report = check_layer(forward, backward, X)
    assert report.ok
    assert report.findings == ()
