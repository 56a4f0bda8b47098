"""Names in a return statement beside elements without one: they say which gradient is meant, not that it is right."""

import numpy as np
import pytest

from gradcheck import check_layer


def forward(x, W, V):
    return np.tanh(x @ W) * (x @ V), (x, W, V)


def gradients(d, cache):
    x, W, V = cache
    a, b = np.tanh(x @ W), x @ V
    da, db = d * b * (1 - a * a), d * a
    return da @ W.T + db @ V.T, x.T @ da, x.T @ db


def swapped(d, cache):
    dx, dW, dV = gradients(d, cache)
    return dx + 0.0, dV, dW


def swapped_beside_none(d, cache):
    _, dW, dV = gradients(d, cache)
    return None, dV, dW


def misnamed(d, cache):
    dx, dV, dW = gradients(d, cache)
    return dx, dV, dW


def misnamed_in_part(d, cache):
    dx, dV, dW = gradients(d, cache)
    return dx[:], dV, dW


def without_x(d, cache):
    dx, dW, dV = gradients(d, cache)
    h = dx
    return dW, dV, h


rng = np.random.default_rng(0)
INPUTS = rng.normal(size=(3, 4)), rng.normal(size=(4, 2)), rng.normal(size=(4, 2))


@pytest.mark.parametrize("backward", [swapped, swapped_beside_none])
def test_a_wrong_order_does_not_pass_by_its_names(backward):
    report = check_layer(forward, backward, *INPUTS, constants=["x"], raises=False)
    assert {g.name: g.verdict for g in report.gradients if g.name != "dx"} == {"dW": "wrong", "dV": "wrong"}
    order, swap = (f for f in report.findings if f.severity == "error")
    assert order.title == "backward returns its gradients in another order than the inputs: x, V, W"
    assert order.evidence[1] == "its return statement says …, dV, dW"
    assert swap.title == "dW and dV are swapped with one another"


def test_an_integer_input_has_no_name_of_its_own():
    def looked_up(ids, W, V):
        return np.tanh(W[ids]) * V[ids], (ids, W, V)

    def backward(d, cache):
        ids, W, V = cache
        a, b = np.tanh(W[ids]), V[ids]
        dW, dV = np.zeros_like(W), np.zeros_like(V)
        np.add.at(dW, ids, d * b * (1 - a * a))
        np.add.at(dV, ids, d * a)
        return None, dV, dW

    report = check_layer(looked_up, backward, np.array([0, 2, 3, 1]), *INPUTS[1:], raises=False)
    assert [f.code for f in report.findings if f.severity == "error"] == ["GC102", "GC212"]


@pytest.mark.parametrize("backward", [misnamed, misnamed_in_part])
def test_names_alone_make_no_right_backward_wrong(backward):
    report = check_layer(forward, backward, *INPUTS, raises=False)
    assert report.ok
    assert not report.findings


def test_names_that_are_of_other_arrays_than_the_places_still_count():
    report = check_layer(forward, without_x, *INPUTS, constants=["x"], raises=False)
    assert {g.name: g.verdict for g in report.gradients if g.name != "dx"} == {"dW": "right", "dV": "right"}
