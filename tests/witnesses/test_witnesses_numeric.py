"""The error bar of a numeric derivative covers the truth."""

import math

import numpy as np
import pytest

from gradcheck.witnesses.numeric import derivative

FUNCTIONS = {
    "square": (lambda t: (t + 3) ** 2, 6.0),
    "sine": (lambda t: math.sin(7 * t + 0.3), 7 * math.cos(0.3)),
    "exponential": (lambda t: math.exp(5 * t), 5.0),
    "logarithm close to its pole": (lambda t: math.log(0.01 + t) if t > -0.01 else -99.0, 100.0),
    "reciprocal": (lambda t: 1 / (0.05 + t), -400.0),
    "constant": (lambda t: 4.0, 0.0),
    "steep logistic": (lambda t: 1 / (1 + math.exp(-300 * t)), 75.0),
    "kink off the centre": (lambda t: max(t - 1e-4, 0.0) + 2 * t, 2.0),
    "cube root far off": (lambda t: np.cbrt(1000 + t), 1 / 300),
}


def central(function, rounding=2.2e-16):
    def difference(h):
        up, down = float(function(h)), float(function(-h))
        return up - down, rounding * max(abs(up), abs(down))

    return difference


@pytest.mark.parametrize("scale", [10.0**k for k in range(-6, 7, 2)])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_bar_covers_the_truth_at_every_scale(name, scale):
    function, true = FUNCTIONS[name]
    found = derivative(central(lambda t: scale * function(t)), 1e-9 * scale)
    assert found.fits(scale * true, 1e-15 * scale)
    assert found.error < 1e-3 * scale * max(abs(true), 1)


@pytest.mark.parametrize("name", ["square", "sine", "exponential", "reciprocal", "cube root far off"])
def test_the_bar_covers_the_truth_where_the_forward_is_float32(name):
    function, true = FUNCTIONS[name]
    found = derivative(central(lambda t: np.float32(function(t)), 1.2e-7), 1e-9)
    assert found.fits(true, 1e-15)
    assert found.error < 0.05 * max(abs(true), 1)


@pytest.mark.parametrize("name", ["square", "sine", "exponential", "reciprocal", "cube root far off"])
def test_noise_that_the_dtype_does_not_show_is_seen(name):
    """A float32 buffer inside: the output is float64, its digits are not."""
    function, true = FUNCTIONS[name]
    found = derivative(central(lambda t: np.float32(function(t))), 1e-9)
    assert found.fits(true, 1e-5 * abs(true))


def test_a_forward_that_is_not_a_number_has_no_derivative():
    found = derivative(central(lambda t: math.nan), 1e-9)
    assert not found.fits(0.0)
    assert found.error == math.inf


def test_a_wrong_value_does_not_fit():
    found = derivative(central(math.sin), 1e-9)
    assert found.fits(1.0)
    assert not found.fits(1.0 + 1e-6)
