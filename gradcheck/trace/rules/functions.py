"""Functions of one number: exponentials, logarithms, roots, circular and hyperbolic functions, rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

from gradcheck.trace.rules.convert import Operand, as_tensor, refuse
from gradcheck.trace.rules.guard import guarded, guarded_where, has_zero
from gradcheck.trace.rules.table import Rule, register, serves


def _unary(function: Callable[[torch.Tensor], torch.Tensor]) -> Rule:
    """A function with a finite derivative wherever its value is finite."""

    def rule(x: Operand) -> torch.Tensor:
        return guarded(function, as_tensor(x))

    return rule


def _unary_singular(function: Callable[[torch.Tensor], torch.Tensor], at: float) -> Rule:
    """A function whose derivative is infinite where \\|x\\| equals ``at`` though its value is finite there."""

    def rule(x: Operand) -> torch.Tensor:
        x = as_tensor(x)
        singular = bool((torch.abs(x.detach()) == at).any()) if at else has_zero(x)
        return guarded_where(singular, function, x)

    return rule


def _smooth(function: Callable[[torch.Tensor], torch.Tensor]) -> Rule:
    """A function with a finite derivative everywhere."""

    def rule(x: Operand) -> torch.Tensor:
        return function(as_tensor(x))

    return rule


for _names, _function in {
    "exp": torch.exp,
    "exp2": torch.exp2,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "arctanh atanh": torch.atanh,
}.items():
    register(" ".join(f"numpy.{name}" for name in _names.split()), _unary(_function))

for _names, _function, _at in (
    ("sqrt", torch.sqrt, 0.0),
    ("arcsin asin", torch.asin, 1.0),
    ("arccos acos", torch.acos, 1.0),
    ("arccosh acosh", torch.acosh, 1.0),
):
    register(" ".join(f"numpy.{name}" for name in _names.split()), _unary_singular(_function, _at))

for _names, _function in {
    "negative": torch.neg,
    "absolute abs fabs": torch.abs,
    "tanh": torch.tanh,
    "arctan atan": torch.atan,
    "arcsinh asinh": torch.asinh,
    "deg2rad radians": torch.deg2rad,
    "rad2deg degrees": torch.rad2deg,
    "sinc": torch.sinc,
    # The derivative of a step function is zero wherever it exists, and torch says so too.
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc fix": torch.trunc,
    "rint": torch.round,
}.items():
    register(" ".join(f"numpy.{name}" for name in _names.split()), _smooth(_function))


@serves("numpy.sign")
def sign(x: Operand) -> torch.Tensor:
    x = as_tensor(x)
    if x.is_complex():
        return torch.sgn(x)
    return torch.where(torch.isnan(x), x, torch.sign(x))


@serves("numpy.round numpy.around")
def round_(a: Operand, decimals: int = 0, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a = as_tensor(a)
    if decimals == 0:
        return torch.round(a)
    scale = 10.0 ** abs(decimals)
    return torch.round(a * scale) / scale if decimals > 0 else torch.round(a / scale) * scale


class _CubeRoot(torch.autograd.Function):
    """torch has none; |x|^(1/3) with a sign put back has 0 · inf at zero, where the derivative is infinite."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        root = torch.copysign(torch.pow(torch.abs(x), 1 / 3), x)
        ctx.save_for_backward(root)
        return root

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
        (root,) = ctx.saved_tensors
        return torch.where(upstream == 0, torch.zeros_like(root), upstream / (3 * root * root))


@serves("numpy.cbrt scipy.special.cbrt")
def cbrt(x: Operand) -> torch.Tensor:
    result: torch.Tensor = _CubeRoot.apply(as_tensor(x))  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    return result


@serves("numpy.i0 scipy.special.i0")
def i0(x: Operand) -> torch.Tensor:
    found: torch.Tensor = torch.special.i0(as_tensor(x))
    return found
