"""The limit follows PyTorch's own rounding, and excuses no more than that."""

import numpy as np
import pytest

from gradcheck.yardstick import FLOAT64_LIMIT, limit_for, rounding_floor

TRUE = np.array([1.0, -2.0, 0.5])


def test_float64_has_one_limit_below_what_is_promised_to_be_caught():
    assert limit_for(np.dtype("float64"), TRUE, None, 10) == FLOAT64_LIMIT < 1e-6


@pytest.mark.parametrize(("dtype", "least", "most"), [("float32", 1e-6, 1e-4), ("float16", 1e-3, 0.1)])
def test_a_lower_precision_has_a_wider_limit(dtype, least, most):
    assert least < limit_for(np.dtype(dtype), TRUE, TRUE.astype(dtype), 100) <= most


def test_a_layer_on_which_pytorch_rounds_much_may_round_much():
    exact = limit_for(np.dtype("float32"), TRUE, TRUE, 1)
    rough = limit_for(np.dtype("float32"), TRUE, TRUE * (1 + 1e-5), 1)
    assert rough == pytest.approx(32e-5, rel=1e-3)
    assert rough > exact


def test_long_sums_may_round_more():
    dtype = np.dtype("float32")
    assert limit_for(dtype, TRUE, TRUE, 1_000_000) == pytest.approx(100 * limit_for(dtype, TRUE, TRUE, 100))


@pytest.mark.parametrize("native", [TRUE * 3, TRUE * np.nan, TRUE * np.inf])
def test_nothing_excuses_more_than_a_tenth(native):
    assert limit_for(np.dtype("float32"), TRUE, native, 10**12) <= 0.1


def test_the_floor_around_a_true_zero_scales_with_the_precision():
    zero, single = np.zeros(3), np.array([1e-7, -2e-7, 0.0])
    coarse, fine = (rounding_floor(zero, single, eps) for eps in (2.0**-23, 2.0**-52))
    assert coarse == pytest.approx(100 * np.linalg.norm(single))
    assert fine == pytest.approx(coarse * 2.0**-29)
    assert rounding_floor(zero, zero, 2.0**-52) == 0
