"""Sums, products and means along axes, with NumPy's keywords; those that pass over NaN as well."""

from __future__ import annotations

import math
from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes, last_axis, restored
from gradcheck.trace.rules.convert import Operand, as_mask, as_tensor, floating, given, operands, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.sum")
def sum_(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> torch.Tensor:
    refuse(out=out)
    a = _chosen(widened(as_tensor(a), dtype), where, 0.0)
    axes = all_axes(axis, a.ndim)
    total = torch.sum(a, axes, keepdim=bool(given(keepdims, False))) if axes else a
    initial = given(initial, None)
    return total if initial is None else total + as_tensor(initial, total)


@serves("numpy.prod")
def prod(
    a: Operand,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
) -> torch.Tensor:
    refuse(out=out)
    a = _chosen(widened(as_tensor(a), dtype), where, 1.0)
    axes = all_axes(axis, a.ndim)
    if axes:
        a, axes = last_axis(a, axes)
        a = restored(torch.prod(a, -1), axes, bool(given(keepdims, False)))
    initial = given(initial, None)
    return a if initial is None else a * as_tensor(initial, a)


@serves("numpy.mean")
def mean(
    a: Operand, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> torch.Tensor:
    refuse(out=out)
    a, keepdims = widened(as_tensor(a), dtype), bool(given(keepdims, False))
    return sum_(a, axis, keepdims=keepdims, where=where) / count(a, axis, keepdims, where)


@serves("numpy.average")
def average(
    a: Operand, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    a, keepdims = as_tensor(a), bool(given(keepdims, False))
    if weights is None:
        found = mean(a, axis, keepdims=keepdims)
        total = torch.ones_like(found) * count(a, axis, keepdims, True)
    else:
        a, weights = operands(a, weights)
        if weights.shape != a.shape:
            axes = all_axes(axis, a.ndim)
            # weights have the lengths of `axis`, in that order: put each where it belongs, ones elsewhere
            order = sorted(range(len(axes)), key=lambda place: axes[place])
            shape = [a.shape[each] if each in axes else 1 for each in range(a.ndim)]
            weights = weights.permute(order).reshape(shape).expand(a.shape)
        total = sum_(weights, axis, keepdims=keepdims)
        found = sum_(a * weights, axis, keepdims=keepdims) / total
    return (found, total) if returned else found


@serves("numpy.nansum")
def nansum(
    a: Operand, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any
) -> Any:
    return sum_(without_nan(as_tensor(a), 0.0), axis, dtype, out, keepdims, **more)


@serves("numpy.nanprod")
def nanprod(
    a: Operand, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any
) -> Any:
    return prod(without_nan(as_tensor(a), 1.0), axis, dtype, out, keepdims, **more)


@serves("numpy.nanmean")
def nanmean(
    a: Operand, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> torch.Tensor:
    a = as_tensor(a)
    return mean(without_nan(a, 0.0), axis, dtype, out, keepdims, where=present(a, where))


def count(a: torch.Tensor, axis: Axis, keepdims: bool, where: Any) -> torch.Tensor | float:
    """How many entries are averaged: one number, or one for each result where a mask chooses."""
    where = given(where, True)
    axes = all_axes(axis, a.ndim)
    if where is True:
        return float(math.prod([a.shape[each] for each in axes]))
    mask = as_mask(where).expand(a.shape).to(floating(a))
    return torch.sum(mask, axes, keepdim=keepdims) if axes else mask


def _chosen(a: torch.Tensor, where: Any, otherwise: float) -> torch.Tensor:
    where = given(where, True)
    return a if where is True else torch.where(as_mask(where), a, torch.full_like(a, otherwise))


def without_nan(a: torch.Tensor, instead: float) -> torch.Tensor:
    return torch.where(torch.isnan(a), torch.full_like(a, instead), a)


def present(a: torch.Tensor, where: Any) -> torch.Tensor:
    where = given(where, True)
    present = ~torch.isnan(a)
    return present if where is True else present & as_mask(where)
