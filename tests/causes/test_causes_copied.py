"""A gradient of another array, or a part that is another part."""

import numpy as np
import pytest
from planted_arrays import causes

from gradcheck import check_layer
from gradcheck.causes import difference_of


def normed(x, gamma, beta):
    return gamma * np.tanh(x) + beta


def check(change):
    rng = np.random.default_rng(0)

    def backward(dout, x, gamma, beta):
        dgamma, dbeta = change((dout * np.tanh(x)).sum(axis=0), dout.sum(axis=0))
        return dout * gamma * (1 - np.tanh(x) ** 2), dgamma, dbeta

    x, gamma, beta = rng.standard_normal((7, 5)), rng.standard_normal(5), rng.standard_normal(5)
    return causes(check_layer(normed, backward, x, gamma, beta))


def test_two_gradients_swapped_are_one_cause():
    [finding] = check(lambda dgamma, dbeta: (dbeta, dgamma))
    assert (finding.code, finding.title) == ("GC212", "dgamma and dbeta are swapped with one another")
    assert finding.help == ("return dgamma where dbeta stands, and dbeta where dgamma stands",)


def test_a_copy_of_another_gradient_names_it():
    [finding] = check(lambda dgamma, dbeta: (dbeta, dbeta))
    assert finding.title == "dgamma is the gradient dbeta of another array, beta"
    assert finding.help == ("compute dgamma from what reaches gamma: it is a copy of dbeta",)


GATES = np.random.default_rng(3).standard_normal(12)


@pytest.mark.parametrize("shape", [(12,), (12, 1)])
def test_two_gates_copied_from_a_third_are_blocks(shape):
    i, f, o, g = np.split(GATES, 4)
    [finding] = difference_of(
        np.concatenate([o, o, o, g]).reshape(shape), np.concatenate([i, f, o, g]).reshape(shape), "db", {}, None
    )
    along = "axis 0" if len(shape) == 2 else "the last axis"
    assert finding.title == (
        f"db has its 4 blocks along {along} mixed up: block 0 is block 2, block 1 is block 2 (from 0)"
    )
    assert finding.help == ("give each of the 4 blocks of db its own gradient: a gate's name was copied",)


def test_a_block_that_is_no_other_block_is_not_copied():
    i, f, o, g = np.split(GATES, 4)
    found = difference_of(np.concatenate([i * f, f, o, g]), GATES, "db", {}, None)
    assert all(f.code != "GC212" for f in found)


def test_arrays_of_the_same_shape_that_are_right_are_not_copies():
    [finding] = check(lambda dgamma, dbeta: (7 * dgamma, dbeta))
    assert finding.code == "GC201"
