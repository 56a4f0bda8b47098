"""Which gradients of a report have a picture."""

import numpy as np
import pytest

from gradcheck import check_layer, check_network, compare
from gradcheck.sampled import picture_of

RNG = np.random.default_rng(3)
X, W = RNG.standard_normal((5, 4)), RNG.standard_normal((4, 3))
DOUT = RNG.standard_normal((5, 3))


def forward(x, w):
    return x @ w


def right(dout, x, w):
    return dout @ w.T, x.T @ dout


def wrong(dout, x, w):
    return dout @ w.T, -x.T @ dout


def pictures(report):
    return {g.name: g.picture for g in report.gradients}


def test_a_right_report_has_none():
    assert pictures(check_layer(forward, right, X, W)) == {"dx": None, "dw": None}


def test_only_what_is_wrong_has_one_and_it_shows_both():
    report = check_layer(forward, wrong, X, W, upstream=DOUT)
    assert pictures(report) == {"dx": None, "dw": picture_of(-X.T @ DOUT, X.T @ DOUT)}


def test_a_gradient_of_another_shape_has_none():
    report = check_layer(forward, lambda dout, x, w: (dout @ w.T, (x.T @ dout).ravel()), X, W)
    assert pictures(report)["dw"] is None


def test_a_gradient_known_along_probes_only_has_none():
    report = check_layer(lambda x, w: np.array(memoryview(np.asarray(x @ w, dtype=float))), wrong, X, W)
    assert not report.ok
    for g in report.gradients:
        assert (g.picture is None) == (g.verdict == "right" or g.compared_with in ("", "numeric"))


def test_two_arrays_at_hand_are_pictured_too():
    assert pictures(compare(W * 2, W)) == {"yours": picture_of(W * 2, W)}
    assert pictures(compare(W, W)) == {"yours": None}
    assert pictures(compare(W.T, W)) == {"yours": None}


@pytest.mark.parametrize("layers", [3, 12])
def test_a_report_has_no_more_than_a_few(layers):
    weights = {f"W{i}": RNG.standard_normal((2, 2)) for i in range(layers)}

    class Net:
        def __init__(self):
            self.__dict__.update(weights)

        def loss(self):
            return sum(np.sum(np.sin(getattr(self, name))) for name in weights)

        def backward(self):
            return {name: np.cos(getattr(self, name)) * (2 + i) for i, name in enumerate(weights)}

    net = Net()
    report = check_network(net, loss=net.loss, gradients=net.backward, budget=0)
    assert sum(g.picture is not None for g in report.gradients) == min(layers, 8)
