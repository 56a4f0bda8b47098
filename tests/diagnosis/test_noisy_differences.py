"""Numeric differences that are too noisy to tell confirm nothing."""

import numpy as np
import pytest

from gradcheck import check_layer
from gradcheck.yardstick import rounded

X, W = np.random.default_rng(0).normal(size=(5, 4)), np.random.default_rng(1).normal(size=(4, 3))


def through_halves(x, w):
    """The product goes through bytes, where no trace follows, with two digits."""
    out = np.frombuffer(rounded(np.asarray(x) @ np.asarray(w), "bfloat16").tobytes(), np.float64).reshape(5, 3)
    return out.copy(), (x, w)


@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_what_no_witness_can_see_is_undecided_or_wrong_and_never_right(factor):
    report = check_layer(
        through_halves, lambda dout, cache: (factor * (dout @ cache[1].T), cache[0].T @ dout), X, W, raises=False
    )
    assert not report.ok
    assert report.gradients[0].verdict != "right"


def test_with_enough_digits_it_is_told():
    def through_bytes(x, w):
        out = np.frombuffer((np.asarray(x) @ np.asarray(w)).tobytes(), np.float64).reshape(5, 3)
        return out.copy(), (x, w)

    assert check_layer(through_bytes, lambda dout, cache: (dout @ cache[1].T, cache[0].T @ dout), X, W).ok
