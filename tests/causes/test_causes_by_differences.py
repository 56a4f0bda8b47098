"""Behind a forward that cannot be followed a wrong gradient has a cause, or at least how it differs."""

import ctypes

import numpy as np
import pytest
from planted_arrays import causes

from gradcheck import check_layer

RNG = np.random.default_rng(0)


def hidden(array):
    """A copy that no trace follows."""
    array = np.ascontiguousarray(array, dtype=float)
    copy = np.empty_like(array)
    ctypes.memmove(copy.ctypes.data, array.ctypes.data, array.nbytes)
    return copy


def product(x, w):
    return hidden(x) @ hidden(w), (x, w)


def found_for(change, inputs=4):
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, change(x.T @ dout)

    w = RNG.normal(size=(inputs, inputs))
    return causes(check_layer(product, backward, RNG.normal(size=(3, inputs)), w))


CHANGES = {
    ("GC202", "dw is the negative of the true gradient"): np.negative,
    ("GC203", "dw is the transpose of the true gradient"): np.transpose,
    ("GC201", "dw is 2 times the true gradient"): lambda dw: 2 * dw,
    ("GC205", "dw is zero"): np.zeros_like,
}


@pytest.mark.parametrize("said", CHANGES)
def test_what_explains_it_is_named(said):
    [found] = found_for(CHANGES[said])
    assert (found.code, found.title) == said
    assert found.evidence[0].startswith("with that one change numeric differentiation gives your dw to ")


def test_the_same_in_two_gradients_is_one_cause():
    def backward(dout, cache):
        x, w = cache
        return -dout @ w.T, -x.T @ dout

    [found] = causes(check_layer(product, backward, RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))))
    assert found.title == "dx and dw are the negative of the true ones"


@pytest.mark.parametrize("ratio", [-1, 0.5])
def test_a_multiple_of_a_large_one_is_told_by_a_few_directions(ratio):
    [found] = found_for(lambda dw: ratio * dw, 17)
    says = "the negative of" if ratio == -1 else "1/2 times"
    assert found.title == f"dw is {says} the true gradient"


def test_nothing_known_is_said_as_well():
    [small] = found_for(lambda dw: dw + 0.1 * np.sin(3 * dw))
    assert (small.code, small.severity) == ("GC299", "info")
    assert small.title.startswith("dw is wrong, and the cause is not known: it ")
    [large] = found_for(lambda dw: dw + 0.1 * np.sin(3 * dw), 17)
    assert large.code == "GC299"
