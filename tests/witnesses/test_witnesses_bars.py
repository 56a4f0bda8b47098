"""The bar of a numeric derivative covers the true one, over twelve orders of magnitude of argument and value."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gradcheck.layers import adapt
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.numpy_subject import NumpySubject

FUNCTIONS = {
    "square": (np.square, lambda x: 2 * x),
    "sine": (lambda x: np.sin(7 * x), lambda x: 7 * np.cos(7 * x)),
    "exponential": (np.exp, np.exp),
    "logarithm": (lambda x: np.log(np.abs(x)), lambda x: 1 / x),
    "pole": (lambda x: 1 / (x * x + 0.01), lambda x: -2 * x / (x * x + 0.01) ** 2),
    "saturating": (lambda x: np.tanh(5 * x), lambda x: 5 / np.cosh(5 * x) ** 2),
    "far from 0": (lambda x: x + 100, np.ones_like),
    "constant": (lambda x: 4 + 0 * x, np.zeros_like),
}
POINT = np.array([0.4, -1.7, 2.9, -0.8])
UPSTREAM = np.array([1.3, -0.6, 0.2, 2.1])


def told(name, argument, value, dtype, kept=True, spoilt=lambda u: 0.0):
    """The estimate, the truth, and the size of the four derivatives."""
    function, slope = FUNCTIONS[name]

    def forward(x):
        u = x / argument
        out = (value * (function(u) + spoilt(u))).astype(dtype)
        return out if kept else out.astype(np.float64)

    x = POINT * argument
    subject = NumpySubject(adapt((forward, lambda dout, x: dout, x)), seed=0)
    numeric = Numeric(subject, {"x": x}, [UPSTREAM], [forward(x)] if dtype == "float64" else None)
    true = UPSTREAM * slope(POINT) * value / argument
    found = numeric.entry("x", (1,), 1e-7 * float(np.linalg.norm(true)))
    scale = float(np.linalg.norm(UPSTREAM * np.maximum(np.abs(slope(POINT)), 1))) * value / argument
    return found, float(true[1]), scale


@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(argument=st.floats(-6, 6), value=st.floats(-6, 6))
@example(argument=-6.0, value=6.0)
@example(argument=6.0, value=-6.0)
def test_float64(name, argument, value):
    found, true, scale = told(name, 10**argument, 10**value, "float64")
    assert found.fits(true, 4e-16 * abs(true))
    assert found.error < 1e-6 * scale


@pytest.mark.parametrize("kept", [True, False], ids=["float32 out", "float32 inside"])
@pytest.mark.parametrize("name", FUNCTIONS)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(argument=st.floats(-6, 6), value=st.floats(-6, 6))
@example(argument=-6.0, value=6.0)
@example(argument=6.0, value=-6.0)
def test_float32(name, argument, value, kept):
    found, true, scale = told(name, 10**argument, 10**value, "float32", kept)
    if name == "saturating" and math.isinf(found.error):
        return  # what does not move at most steps has no slope that could be told
    assert found.fits(true, 1e-7 * abs(true))
    assert found.error < 0.05 * scale


@pytest.mark.parametrize("name", ["square", "sine", "exponential", "logarithm"])
@pytest.mark.parametrize("argument", [0.1, 1.0, 10.0])
def test_float16_is_covered_where_anything_is_told(name, argument):
    found, true, _ = told(name, argument, 1.0, "float16")
    assert math.isinf(found.error) or found.fits(true)


@pytest.mark.parametrize("level", [1e-11, 1e-8, 1e-5, 1e-3])
@pytest.mark.parametrize("name", ["square", "sine", "exponential", "logarithm"])
def test_noise_is_in_the_bar(name, level):
    covered = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        found, true, _ = told(name, 1.0, 1.0, "float64", spoilt=lambda u, rng=rng: level * rng.standard_normal(4))
        covered += found.fits(true)
    assert covered >= 19  # see the benchmark of error bars for how often, over thousands


@pytest.mark.parametrize("distance", [1e-4, 1e-2, 0.3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_jump_beside_the_point_is_not_taken_for_a_slope(dtype, distance):
    edge = POINT * (1 + distance)
    found, true, _ = told("sine", 1.0, 1.0, dtype, spoilt=lambda u: 0.1 * (u > edge))
    assert found.fits(true, 1e-7)
