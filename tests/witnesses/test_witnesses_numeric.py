"""The error bar of a numeric derivative covers the truth."""

import math

import numpy as np
import pytest

from gradcheck.layers import adapt
from gradcheck.witnesses.derivative import derivative
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.numpy_subject import NumpySubject

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


@pytest.mark.parametrize(("given", "beyond"), [(1.0, False), (-1.0, False), (0.0, False), (20.0, True), (-20.0, True)])
def test_only_what_lies_outside_of_both_slopes_is_beyond_them(given, beyond):
    assert numeric(np.abs, np.array([0.0, 2.0])).is_beyond_slopes("x", (0,), given) is beyond


@pytest.mark.parametrize(("given", "beyond"), [(math.cos(2.0), False), (0.9 * math.cos(2.0), True), (-9.0, True)])
def test_beside_a_smooth_slope_everything_is_beyond(given, beyond):
    assert numeric(np.sin, np.array([1.0, 2.0])).is_beyond_slopes("x", (1,), given) is beyond


def test_an_entry_beside_which_the_forward_raises_is_not_judged():
    def forward(x):
        if x[0] != 1:
            raise ValueError("only 1")
        return x * x

    assert not numeric(forward, np.array([1.0, 2.0])).is_beyond_slopes("x", (0,), 50.0)


def numeric(forward, x):
    def function(x):
        return forward(x)

    subject = NumpySubject(adapt((function, lambda dout, x: dout, x)), seed=0)
    return Numeric(subject, {"x": x}, [np.ones(x.shape)], [function(x)])
