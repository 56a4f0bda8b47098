"""Arithmetic on two operands, and the complex parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_mask, as_tensor, common, given, numpy_value, operands, refuse
from gradcheck.trace.rules.guard import guarded, guarded_where, has_zero
from gradcheck.trace.rules.table import serves


@serves("numpy.add")
def add(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.add(a, b)


@serves("numpy.subtract")
def subtract(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.sub(a, b)


@serves("numpy.multiply")
def multiply(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.mul, *operands(a, b))


@serves("numpy.divide numpy.true_divide")
def divide(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.div, *operands(a, b))


@serves("numpy.power numpy.pow")
def power(base: Operand, exponent: Operand) -> torch.Tensor:
    base, exponent = operands(base, exponent)
    if exponent.ndim == 0 and not exponent.requires_grad and not exponent.is_complex():
        # With a number for an exponent torch's rule is n·xⁿ⁻¹, right for zero and negative bases too.
        number = float(exponent)

        def function(x: torch.Tensor) -> torch.Tensor:
            return torch.pow(x, number)

        return guarded(function, base) if number >= 1 else guarded_where(has_zero(base), function, base)
    return guarded_where(has_zero(base), torch.pow, base, exponent)


@serves("numpy.float_power")
def float_power(base: Operand, exponent: Operand) -> torch.Tensor:
    base, exponent = operands(base, exponent)
    wide = torch.complex128 if base.is_complex() else torch.float64
    return power(base.to(wide), exponent.to(wide))


def _floor_of_quotient(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    return torch.div(a, b, rounding_mode="floor")


@serves("numpy.floor_divide")
def floor_divide(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(_floor_of_quotient, *operands(a, b))


@serves("numpy.remainder numpy.mod")
def remainder(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.remainder, *operands(a, b))


@serves("numpy.fmod")
def fmod(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.fmod, *operands(a, b))


@serves("numpy.divmod")
def divmod_(a: Operand, b: Operand) -> tuple[torch.Tensor, torch.Tensor]:
    return floor_divide(a, b), remainder(a, b)


@serves("numpy.arctan2 numpy.atan2")
def arctan2(y: Operand, x: Operand) -> torch.Tensor:
    y, x = operands(y, x)
    return guarded_where(bool(((x == 0) & (y == 0)).any()), torch.atan2, y, x)


@serves("numpy.hypot")
def hypot(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    origin = (a == 0) & (b == 0)
    if bool(origin.any()):
        # The cone's tip has no derivative; zero is the subgradient of least norm, 0/0 is NaN.
        safe = torch.hypot(torch.where(origin, torch.ones_like(a), a), b)
        return torch.where(origin, torch.zeros_like(safe), safe)
    return guarded(torch.hypot, a, b)


@serves("numpy.logaddexp")
def logaddexp(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.logaddexp, *operands(a, b))


@serves("numpy.logaddexp2")
def logaddexp2(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(torch.logaddexp2, *operands(a, b))


@serves("numpy.copysign")
def copysign(a: Operand, b: Operand) -> torch.Tensor:
    return torch.copysign(*operands(a, b))


@serves("numpy.ldexp")
def ldexp(x: Operand, exponent: Operand) -> torch.Tensor:
    x, exponent = operands(x, exponent)
    return multiply(x, torch.exp2(exponent))


@serves("numpy.frexp")
def frexp(x: Operand) -> tuple[torch.Tensor, torch.Tensor]:
    x = as_tensor(x)
    mantissa, exponent = torch.frexp(x.detach())
    # mantissa = x · 2^-exponent, and the exponent is a step function of x
    slope = torch.where(x == 0, torch.ones_like(x), mantissa / x.detach())
    return x * slope, exponent


@serves("numpy.modf")
def modf(x: Operand) -> tuple[torch.Tensor, torch.Tensor]:
    x = as_tensor(x)
    whole = torch.trunc(x)
    return torch.where(torch.isinf(x), torch.zeros_like(x), x - whole), whole


@serves("numpy.heaviside")
def heaviside(x: Operand, middle: Operand) -> torch.Tensor:
    x, middle = operands(x, middle)
    step = torch.where(torch.isnan(x), x, (x > 0).to(x.dtype))
    return torch.where(x == 0, middle, step)


@serves("numpy.where")
def where(condition: Any, *choices: Any) -> torch.Tensor:
    if len(choices) != 2:
        raise NotImplementedError("where with a condition only gives indices")
    a, b = operands(*choices)
    return torch.where(as_mask(condition), a, b)


@serves("numpy.nan_to_num")
def nan_to_num(x: Operand, copy: bool = True, nan: Any = 0.0, posinf: Any = None, neginf: Any = None) -> torch.Tensor:  # noqa: ARG001  # NumPy's signature
    limit = torch.finfo((x := as_tensor(x)).dtype).max
    x, nan, high, low = common(x, nan, limit if posinf is None else posinf, -limit if neginf is None else neginf)
    x = torch.where(torch.isnan(x), nan, x)
    return torch.where(x == math.inf, high, torch.where(x == -math.inf, low, x))


@serves("numpy.conjugate numpy.conj")
def conjugate(x: Operand) -> torch.Tensor:
    return torch.conj(as_tensor(x)).resolve_conj()


@serves("numpy.real")
def real(x: Operand) -> torch.Tensor:
    x = as_tensor(x)
    return torch.real(x) if x.is_complex() else x


@serves("numpy.imag")
def imag(x: Operand) -> torch.Tensor:
    x = as_tensor(x)
    return torch.imag(x) if x.is_complex() else torch.zeros_like(x)


@serves("numpy.angle")
def angle(x: Operand, deg: bool = False) -> torch.Tensor:
    angles = torch.angle(as_tensor(x))
    return torch.rad2deg(angles) if deg else angles


@serves("numpy.real_if_close")
def real_if_close(x: Operand, tol: float = 100) -> torch.Tensor:
    x = as_tensor(x)
    if not x.is_complex():
        return x
    bound = tol if tol <= 1 else tol * torch.finfo(torch.real(x).dtype).eps
    return torch.real(x) if bool((torch.imag(x).abs() < bound).all()) else x


@serves("numpy.unwrap")
def unwrap(p: Operand, *args: Any, **kwargs: Any) -> torch.Tensor:
    p = as_tensor(p)
    # Whole periods are added, which is a constant as far as the derivative goes.
    turns = np.unwrap(numpy_value(p), *args, **kwargs) - numpy_value(p)
    return p + as_tensor(turns, p)


@serves("numpy.clip")
def clip(a: Operand, a_min: Any = None, a_max: Any = None, out: Any = None, **bounds: Any) -> torch.Tensor:
    refuse(out=out)
    low = given(bounds.pop("min", given(a_min, None)), None)
    high = given(bounds.pop("max", given(a_max, None)), None)
    refuse(**bounds)
    if low is None and high is None:
        return as_tensor(a)
    if low is None:
        a, high = common(a, high)
    elif high is None:
        a, low = common(a, low)
    else:
        a, low, high = common(a, low, high)
    return torch.clamp(a, low, high)


@serves("numpy.positive")
def positive(x: Operand) -> torch.Tensor:
    return as_tensor(x)
