"""Running sums and products, and differences of neighbours."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes, one_axis
from gradcheck.trace.rules.convert import Operand, as_tensor, common, given, operands, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.cumsum")
def cumsum(a: Operand, axis: int | None = None, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a = widened(as_tensor(a), dtype)
    return torch.cumsum(a.reshape(-1), 0) if axis is None else torch.cumsum(a, axis)


@serves("numpy.cumprod")
def cumprod(a: Operand, axis: int | None = None, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a = widened(as_tensor(a), dtype)
    return torch.cumprod(a.reshape(-1), 0) if axis is None else torch.cumprod(a, axis)


@serves("numpy.add.accumulate")
def add_accumulate(a: Operand, axis: int = 0, dtype: Any = None, out: Any = None) -> torch.Tensor:
    return cumsum(a, axis, dtype, out)


@serves("numpy.multiply.accumulate")
def multiply_accumulate(a: Operand, axis: int = 0, dtype: Any = None, out: Any = None) -> torch.Tensor:
    return cumprod(a, axis, dtype, out)


@serves("numpy.nancumsum")
def nancumsum(a: Operand, axis: int | None = None, dtype: Any = None, out: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    return cumsum(torch.where(torch.isnan(a), torch.zeros_like(a), a), axis, dtype, out)


@serves("numpy.nancumprod")
def nancumprod(a: Operand, axis: int | None = None, dtype: Any = None, out: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    return cumprod(torch.where(torch.isnan(a), torch.ones_like(a), a), axis, dtype, out)


@serves("numpy.cumulative_sum")
def cumulative_sum(
    x: Operand, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> torch.Tensor:
    total = cumsum(x, axis, dtype, out)
    return _started(total, 0 if axis is None else axis, 0.0) if include_initial else total


@serves("numpy.cumulative_prod")
def cumulative_prod(
    x: Operand, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> torch.Tensor:
    total = cumprod(x, axis, dtype, out)
    return _started(total, 0 if axis is None else axis, 1.0) if include_initial else total


@serves("numpy.diff")
def diff(a: Operand, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    axis = one_axis(axis, a.ndim)
    parts = [each for each in (given(prepend, None), a, given(append, None)) if each is not None]
    tensors = common(*parts)
    beside = list(a.shape)
    beside[axis] = 1
    a = torch.cat([each.expand(beside) if each.ndim == 0 else each for each in tensors], axis)
    for _ in range(n):
        a = a.narrow(axis, 1, a.shape[axis] - 1) - a.narrow(axis, 0, a.shape[axis] - 1) if a.shape[axis] else a
    return a


@serves("numpy.ediff1d")
def ediff1d(ary: Operand, to_end: Any = None, to_begin: Any = None) -> torch.Tensor:
    ary = as_tensor(ary).reshape(-1)
    parts = [to_begin, ary[1:] - ary[:-1], to_end]
    return torch.cat([each.reshape(-1) for each in common(*(each for each in parts if each is not None))])


@serves("numpy.trapezoid numpy.trapz scipy.integrate.trapezoid")
def trapezoid(y: Operand, x: Any = None, dx: Any = 1.0, axis: int = -1) -> torch.Tensor:
    if x is None:
        y, width = operands(y, dx)
    else:
        y, x = operands(y, x)
        width = diff(x, axis=0 if x.ndim == 1 else axis)
        if x.ndim == 1:
            width = width.reshape([-1 if each == one_axis(axis, y.ndim) else 1 for each in range(y.ndim)])
    axis = one_axis(axis, y.ndim)
    before, after = y.narrow(axis, 0, y.shape[axis] - 1), y.narrow(axis, 1, y.shape[axis] - 1)
    return (width * (before + after) / 2.0).sum(axis)


@serves("numpy.gradient")
def gradient(f: Operand, *varargs: Any, axis: Axis = None, edge_order: int = 1) -> Any:
    f = as_tensor(f)
    axes = all_axes(axis, f.ndim)
    spacings = varargs or (1.0,)
    if len(spacings) == 1:
        spacings = spacings * len(axes)
    found = tuple(
        _slope(f, each, as_tensor(spacing, f), edge_order) for each, spacing in zip(axes, spacings, strict=True)
    )
    return found[0] if len(axes) == 1 else found


def _slope(f: torch.Tensor, axis: int, spacing: torch.Tensor, edge_order: int) -> torch.Tensor:
    """Second-order differences inside (exact for uneven spacing as well), first or second order at both ends."""
    f = f.movedim(axis, -1)
    steps = spacing.expand(f.shape[-1] - 1) if spacing.ndim == 0 else spacing[1:] - spacing[:-1]
    before, after = steps[:-1], steps[1:]
    slopes = (f[..., 1:] - f[..., :-1]) / steps
    # The parabola through three neighbours has the mean of both slopes, weighted by the opposite step, at the middle.
    inside = (slopes[..., :-1] * after + slopes[..., 1:] * before) / (before + after)
    first, last = slopes[..., :1], slopes[..., -1:]
    if edge_order == 2:
        # Its slope changes by 2·(s₂ - s₁)/(h₁ + h₂) per unit: carried on by half a step to either end.
        bend = (slopes[..., 1:] - slopes[..., :-1]) / (before + after)
        first = first - bend[..., :1] * steps[:1]
        last = last + bend[..., -1:] * steps[-1:]
    return torch.cat([first, inside, last], -1).movedim(-1, axis)


def _started(total: torch.Tensor, axis: int, start: float) -> torch.Tensor:
    shape = list(total.shape)
    shape[axis] = 1
    return torch.cat([torch.full(shape, start, dtype=total.dtype), total], axis)
