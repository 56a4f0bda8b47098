"""Kinks of a forward that cannot be followed: what true gradients tend to is right there, and nothing far from it."""

import numpy as np
import pytest
from paid_ties import pay_every, pay_first, pay_nobody

from gradcheck import check_layer


def hidden(f):
    """A function that leaves the trace, as one written in C does."""
    return lambda x: f(np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape))


relu = hidden(lambda x: np.maximum(x, 0))
pool = hidden(lambda x: x.reshape(-1, 4).max(axis=1))


def dense(units, bias, at_corners, seed=0):
    rng = np.random.default_rng(3)
    x, w, b = rng.standard_normal((4, 6)), rng.standard_normal((6, units)), np.zeros(units)
    x[2] = 0

    def forward(x, w, b=b):
        z = x @ w + b
        return relu(z), (x, w, z)

    def backward(d, cache):
        x, w, z = cache
        d = d * np.where(z == 0, at_corners, z > 0)
        return (d @ w.T, x.T @ d, d.sum(axis=0))[: 3 if bias else 2]

    return check_layer(forward, backward, x, w, *([b] if bias else []), seed=seed)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_corners", [0.0, 1.0])
@pytest.mark.parametrize("bias", [True, False])
def test_a_blank_row_puts_entries_beyond_their_own_slopes_and_is_right(bias, at_corners, seed):
    report = dense(4, bias, at_corners, seed)
    assert report.ok
    assert report.gradients[0].kinks == 6
    assert "autograd" not in str(report)  # it is no witness


@pytest.mark.parametrize("at_corners", [3.0, -2.0])
def test_a_blank_row_with_what_no_corner_has_is_wrong(at_corners):
    report = dense(4, True, at_corners)
    assert [g.verdict for g in report.gradients][1:] == ["right", "wrong"]
    assert report.gradients[0].verdict != "right"


def test_where_no_side_of_so_many_corners_has_it_that_is_left_open():
    result = dense(32, False, 0.0).gradients[0]
    assert result.verdict == "undecided"
    assert result.reason.startswith("right beside the kink")


AT_ZERO = {"right": lambda x: x > 0, "right as well": lambda x: x >= 0, "wrong": lambda x: np.where(x == 0, 2, x > 0)}


@pytest.mark.parametrize("name", AT_ZERO)
def test_more_zeros_than_are_looked_at_one_by_one(name):
    x = np.random.default_rng(0).standard_normal(1000)
    x[:300] = 0
    result = check_layer(relu, lambda d, x: d * AT_ZERO[name](x), x).gradients[0]
    assert result.verdict == name.split()[0]
    assert (result.reason == "some of its entries are at a kink, and it is right beside it") == ("right" in name)


@pytest.mark.parametrize("tied", [1, 3])
def test_ties_that_nobody_is_paid_for_are_wrong_though_zero_is_between_the_slopes(tied):
    x = np.random.default_rng(2).standard_normal(24)
    x[: 4 * tied] = 3
    assert check_layer(pool, pay_first, x).ok
    result = check_layer(pool, pay_nobody, x).gradients[0]
    assert (result.verdict, result.compared_with) == ("wrong", "numeric")
    assert "moved together they have the slope" in check_layer(pool, pay_every, x).gradients[0].reason
