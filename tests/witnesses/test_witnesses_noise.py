"""Noise is measured from a table of differences; what was rounded on the way is seen in the outputs' digits."""

import math

import numpy as np
import pytest

from gradcheck.witnesses.noise import hidden_unit, measured_noise, noise_in

SMOOTH = {
    "line": lambda t: 3 * t + 1,
    "sine": lambda t: math.sin(7 * t + 0.3),
    "exponential": lambda t: math.exp(5 * t),
}


@pytest.mark.parametrize("level", [10.0**-k for k in range(2, 13, 2)])
@pytest.mark.parametrize("name", SMOOTH)
def test_noise_on_a_smooth_function_is_found_to_within_a_factor_of_four(name, level):
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(40):
        found = measured_noise(lambda t: SMOOTH[name](t) + level * rng.standard_normal())
        inside += level / 4 < found < 4 * level
    assert inside >= 38


@pytest.mark.parametrize("name", SMOOTH)
def test_without_noise_rounding_is_what_is_found(name):
    assert measured_noise(SMOOTH[name]) < 1e-15


@pytest.mark.parametrize(("dtype", "unit"), [(np.float32, 6e-8), (np.float16, 5e-4)])
def test_steps_grow_until_a_rounded_function_moves(dtype, unit):
    found = measured_noise(lambda t: float(dtype(1.3 + math.sin(t))))
    assert unit / 8 < found < 4 * unit


def test_a_constant_has_no_noise():
    assert measured_noise(lambda t: 4.0) == 0


def test_what_is_not_a_number_can_have_any_noise():
    assert measured_noise(lambda t: math.nan) == math.inf


def test_a_polynomial_leaves_nothing_in_the_table():
    assert noise_in([float(k**3) for k in range(8)]) < 1e-12


MOVED, BACK = np.array([0.1, -0.7, 1 / 3]), np.array([0.2, 0.9, 2 / 3])


@pytest.mark.parametrize(("dtype", "unit"), [(np.float32, 2.0**-23), (np.float16, 2.0**-10)])
def test_digits_that_were_cut_on_the_way_are_missed(dtype, unit):
    up, down = (a.astype(dtype).astype(np.float64) for a in (MOVED, BACK))
    assert hidden_unit(up, down) == unit
    assert hidden_unit(MOVED, BACK) == 0


def test_bfloat16_inside_float32_is_seen():
    up, down = ((a.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32) for a in (MOVED, BACK))
    assert hidden_unit(up, down) == 2.0**-7
    assert hidden_unit(MOVED.astype(np.float32), BACK.astype(np.float32)) == 0


def test_only_what_moved_is_looked_at_and_zeros_say_nothing():
    up, down = np.zeros(1000), np.zeros(1000)
    up[:500] = down[:500] = 2.0
    up[777] = 0.1
    assert hidden_unit(up, down) == 0
    assert hidden_unit(down, up) == 0
