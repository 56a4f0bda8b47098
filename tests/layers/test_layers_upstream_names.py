"""What backwards call the upstream gradients of several outputs, one by one or all in one argument."""

import numpy as np
import pytest
from layers_checked import numbers, verdicts

X, W = numbers(6, 4), numbers(4, 3)


def both(x, w):
    y = x @ w
    return y, np.tanh(y)


def combined(first, second, x, w):
    y = x @ w
    dy = first + second * (1 - np.tanh(y) ** 2)
    return dy @ w.T, x.T @ dy


def looped(dys, x, w):
    first, second = (d for d in dys)
    return combined(first, second, x, w)


BACKWARDS = [
    lambda dout1, dout2, x, w: combined(dout1, dout2, x, w),
    lambda dout_1, dout_2, x, w: combined(dout_1, dout_2, x, w),
    lambda g1, g2, x, w: combined(g1, g2, x, w),
    lambda up1, up2, x, w: combined(up1, up2, x, w),
    lambda g_y, g_t, x, w: combined(g_y, g_t, x, w),
    lambda x, w, dy, dt: combined(dy, dt, x, w),
    lambda douts, x, w: combined(*douts, x, w),
    lambda dys, x, w: combined(*dys, x, w),
    lambda grad_outputs, x, w: combined(*grad_outputs, x, w),
    looped,
]


def named(backward):
    return ",".join(backward.__code__.co_varnames[: backward.__code__.co_argcount])


@pytest.mark.parametrize("backward", BACKWARDS, ids=named)
def test_two_upstream_gradients(backward):
    _, found, _ = verdicts(both, backward, X, W)
    assert found == {"dx": "right", "dw": "right"}


@pytest.mark.parametrize(
    "backward",
    [
        lambda g1, g2, x, w: combined(g2, g1, x, w),
        lambda dout1, dout2, x, w: combined(dout1, 2 * dout2, x, w),
        lambda douts, x, w: combined(*douts[::-1], x, w),
    ],
)
def test_two_upstream_gradients_mistaken(backward):
    _, found, _ = verdicts(both, backward, X, W)
    assert found == {"dx": "wrong", "dw": "wrong"}


def kept(x, w):
    y = x @ w
    return np.tanh(y), y


def sample_by_sample(ds, y, x, w):
    dy = np.array([d * (1 - np.tanh(row) ** 2) for d, row in zip(ds, y, strict=True)])
    return dy @ w.T, x.T @ dy


def test_a_loop_over_the_samples_is_no_loop_over_outputs():
    style, found, _ = verdicts(kept, sample_by_sample, X, W)
    assert style == "forward -> (out, y), backward(ds, y, x, w)"
    assert found == {"dx": "right", "dw": "right"}
