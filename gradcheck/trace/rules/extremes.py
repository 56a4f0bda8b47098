"""The larger and the smaller of things, elementwise and along axes. Ties share the derivative evenly, as in torch."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import Axis, all_axes, restored
from gradcheck.trace.rules.convert import Operand, as_mask, as_tensor, given, operands, refuse
from gradcheck.trace.rules.table import serves


@serves("numpy.maximum")
def maximum(a: Operand, b: Operand) -> torch.Tensor:
    return torch.maximum(*operands(a, b))


@serves("numpy.minimum")
def minimum(a: Operand, b: Operand) -> torch.Tensor:
    return torch.minimum(*operands(a, b))


@serves("numpy.fmax")
def fmax(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.where(torch.isnan(a), b, torch.where(torch.isnan(b), a, torch.maximum(a, b)))


@serves("numpy.fmin")
def fmin(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.where(torch.isnan(a), b, torch.where(torch.isnan(b), a, torch.minimum(a, b)))


@serves("numpy.max numpy.amax")
def amax(
    a: Operand, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> torch.Tensor:
    refuse(out=out)
    a, where, initial, keepdims = as_tensor(a), given(where, True), given(initial, None), bool(given(keepdims, False))
    if where is not True:
        a = torch.where(as_mask(where), a, torch.full_like(a, -math.inf))
    axes = all_axes(axis, a.ndim)
    if initial is not None and any(a.shape[each] == 0 for each in axes):
        return _filled(a, axes, keepdims, initial)
    found = torch.amax(a, axes, keepdim=keepdims) if axes else a
    return found if initial is None else maximum(found, initial)


@serves("numpy.min numpy.amin")
def amin(
    a: Operand, axis: Axis = None, out: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
) -> torch.Tensor:
    refuse(out=out)
    a, where, initial, keepdims = as_tensor(a), given(where, True), given(initial, None), bool(given(keepdims, False))
    if where is not True:
        a = torch.where(as_mask(where), a, torch.full_like(a, math.inf))
    axes = all_axes(axis, a.ndim)
    if initial is not None and any(a.shape[each] == 0 for each in axes):
        return _filled(a, axes, keepdims, initial)
    found = torch.amin(a, axes, keepdim=keepdims) if axes else a
    return found if initial is None else minimum(found, initial)


@serves("numpy.nanmax")
def nanmax(a: Operand, axis: Axis = None, out: Any = None, keepdims: Any = False, **more: Any) -> torch.Tensor:
    a = as_tensor(a)
    missing = torch.isnan(a)
    found = amax(torch.where(missing, torch.full_like(a, -math.inf), a), axis, out, keepdims, **more)
    return _nan_where_all(missing, found, axis)


@serves("numpy.nanmin")
def nanmin(a: Operand, axis: Axis = None, out: Any = None, keepdims: Any = False, **more: Any) -> torch.Tensor:
    a = as_tensor(a)
    missing = torch.isnan(a)
    found = amin(torch.where(missing, torch.full_like(a, math.inf), a), axis, out, keepdims, **more)
    return _nan_where_all(missing, found, axis)


@serves("numpy.ptp")
def ptp(a: Operand, axis: Axis = None, out: Any = None, keepdims: Any = False) -> torch.Tensor:
    return amax(a, axis, out, keepdims) - amin(a, axis, out, keepdims)


@serves("numpy.maximum.accumulate")
def cumulative_maximum(a: Operand, axis: int = 0, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(dtype=dtype, out=out)
    return torch.cummax(as_tensor(a), axis).values


@serves("numpy.minimum.accumulate")
def cumulative_minimum(a: Operand, axis: int = 0, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(dtype=dtype, out=out)
    return torch.cummin(as_tensor(a), axis).values


def _filled(a: torch.Tensor, axes: tuple[int, ...], keepdims: bool, initial: Any) -> torch.Tensor:
    """The extreme of nothing: ``initial`` in the shape of the result."""
    shape = [a.shape[each] for each in range(a.ndim) if each not in axes]
    empty = torch.zeros(shape, dtype=a.dtype)
    return restored(empty, axes, keepdims) + as_tensor(initial, a)


def _nan_where_all(missing: torch.Tensor, found: torch.Tensor, axis: Axis) -> torch.Tensor:
    if not bool(missing.any()):
        return found
    axes = all_axes(given(axis, None), missing.ndim)
    none_left = missing
    for each in sorted(axes, reverse=True):
        none_left = none_left.all(dim=each, keepdim=True)
    none_left = none_left.reshape(found.shape)
    return torch.where(none_left, torch.full_like(found, np.nan), found)
