"""Partial derivatives of functions of one and of two numbers, by NumPy's functions.

A rule answers None where the derivative is not one finite number (at a corner, beside a pole, where one exponent makes
another formula): there PyTorch's own operations decide.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["of_one", "of_two", "product"]

One = Callable[[float, float], float | None]
Two = Callable[[float, float, float], tuple[float, float] | None]

_LN2, _LN10 = math.log(2.0), math.log(10.0)

# The derivative at x of y = f(x).
_ONE: dict[Any, One] = {
    np.positive: lambda _x, _y: 1.0,
    np.negative: lambda _x, _y: -1.0,
    np.absolute: lambda x, _y: math.copysign(1.0, x) if x else None,
    np.fabs: lambda x, _y: math.copysign(1.0, x) if x else None,
    np.square: lambda x, _y: 2.0 * x,
    np.sqrt: lambda _x, y: 0.5 / y if y else None,
    np.reciprocal: lambda _x, y: -y * y,
    np.exp: lambda _x, y: y,
    np.expm1: lambda _x, y: y + 1.0,
    np.log: lambda x, _y: 1.0 / x if x else None,
    np.log1p: lambda x, _y: 1.0 / (1.0 + x) if x != -1.0 else None,
    np.log2: lambda x, _y: 1.0 / (x * _LN2) if x else None,
    np.log10: lambda x, _y: 1.0 / (x * _LN10) if x else None,
    np.sin: lambda x, _y: math.cos(x),
    np.cos: lambda x, _y: -math.sin(x),
    np.tan: lambda _x, y: 1.0 + y * y,
    np.exp2: lambda _x, y: y * _LN2,
    np.sinh: lambda x, _y: math.cosh(x),
    np.cosh: lambda x, _y: math.sinh(x),
    np.tanh: lambda _x, y: 1.0 - y * y,
    np.arctan: lambda x, _y: 1.0 / (1.0 + x * x),
}  # fmt: skip


def _quotient(a: float, b: float, y: float) -> tuple[float, float] | None:
    del a
    return (1.0 / b, -y / b) if b else None


def _larger(a: float, b: float, y: float) -> tuple[float, float] | None:
    del y
    return None if a == b else (1.0, 0.0) if a > b else (0.0, 1.0)


def _smaller(a: float, b: float, y: float) -> tuple[float, float] | None:
    del y
    return None if a == b else (1.0, 0.0) if a < b else (0.0, 1.0)


def _power(a: float, b: float, y: float) -> tuple[float, float] | None:
    if a <= 0.0:
        # the exponent's own derivative is that of a constant, which has none: the caller sees to that
        return (b * a ** (b - 1.0), math.nan) if b == int(b) and b > 0.0 else None
    return b * y / a, y * math.log(a)


def _angle(a: float, b: float, y: float) -> tuple[float, float] | None:
    del y
    square = a * a + b * b
    return (b / square, -a / square) if 1e-280 < square < math.inf else None


def _length(a: float, b: float, y: float) -> tuple[float, float] | None:
    return (a / y, b / y) if y else None


def product(a: float, b: float, y: float) -> tuple[float, float]:
    """The partial derivatives of y = a·b."""
    del y
    return b, a


_TWO: dict[Any, Two] = {
    np.add: lambda _a, _b, _y: (1.0, 1.0),
    np.subtract: lambda _a, _b, _y: (1.0, -1.0),
    np.multiply: product,
    np.divide: _quotient,
    np.power: _power,
    np.float_power: _power,
    np.arctan2: _angle,
    np.hypot: _length,
    np.logaddexp: lambda a, b, y: (math.exp(a - y), math.exp(b - y)),
    np.maximum: _larger,
    np.minimum: _smaller,
}


def of_one(function: Any) -> One | None:
    """The rule of a function of one number."""
    return _ONE.get(function)


def of_two(function: Any) -> Two | None:
    """The rule of a function of two numbers: both partial derivatives of y = f(a, b)."""
    return _TWO.get(function)
