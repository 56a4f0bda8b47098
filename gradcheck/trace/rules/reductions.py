"""Sums, products and means along axes, with NumPy's keywords; those that pass over NaN as well."""

from __future__ import annotations

import math
from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes, last_axis, restored
from gradcheck.trace.rules.convert import as_mask, as_tensor, floating, given, operands, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.sum")
def sum_(
    a: Any,
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
    a: Any,
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
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> torch.Tensor:
    refuse(out=out)
    a, keepdims = widened(as_tensor(a), dtype), bool(given(keepdims, False))
    return sum_(a, axis, keepdims=keepdims, where=where) / count(a, axis, keepdims, where)


def variance(
    a: Any,
    axis: Axis,
    dtype: Any,
    ddof: Any,
    keepdims: Any,
    where: Any,
    centre: Any,
) -> torch.Tensor:
    """Mean squared distance from the mean (or from ``centre``), divided by n - ddof."""
    a, keepdims = widened(as_tensor(a), dtype), bool(given(keepdims, False))
    centre = given(centre, None)
    middle = mean(a, axis, keepdims=True, where=where) if centre is None else as_tensor(centre, a)
    away = a - middle
    squares = (away * away.conj()).real if away.is_complex() else away * away
    freedom = torch.clamp(count(a, axis, keepdims, where) - ddof, min=0)
    return sum_(squares, axis, keepdims=keepdims, where=where) / freedom.to(floating(a))


def root(x: torch.Tensor) -> torch.Tensor:
    """Square root with derivative zero at zero: the subgradient of least norm of a standard deviation or a norm."""
    nothing = x == 0
    if not bool(nothing.any()):
        return torch.sqrt(x)
    return torch.where(nothing, torch.zeros_like(x), torch.sqrt(torch.where(nothing, torch.ones_like(x), x)))


def _degrees(ddof: Any, correction: Any) -> Any:
    return given(ddof, 0) if given(correction, None) is None else correction


@serves("numpy.var")
def var(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> torch.Tensor:
    refuse(out=out)
    return variance(a, axis, dtype, _degrees(ddof, correction), keepdims, where, mean)


@serves("numpy.std")
def std(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> torch.Tensor:
    refuse(out=out)
    return root(variance(a, axis, dtype, _degrees(ddof, correction), keepdims, where, mean))


@serves("numpy.average")
def average(
    a: Any, axis: Axis = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    a, keepdims = as_tensor(a), bool(given(keepdims, False))
    if weights is None:
        found = mean(a, axis, keepdims=keepdims)
        total = count(a, axis, keepdims, True).to(found.dtype).expand(found.shape)
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
def nansum(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
    return sum_(_without_nan(as_tensor(a), 0.0), axis, dtype, out, keepdims, **more)


@serves("numpy.nanprod")
def nanprod(a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any) -> Any:
    return prod(_without_nan(as_tensor(a), 1.0), axis, dtype, out, keepdims, **more)


@serves("numpy.nanmean")
def nanmean(
    a: Any, axis: Axis = None, dtype: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
) -> torch.Tensor:
    a = as_tensor(a)
    return mean(_without_nan(a, 0.0), axis, dtype, out, keepdims, where=_present(a, where))


@serves("numpy.nanvar")
def nanvar(
    a: Any,
    axis: Axis = None,
    dtype: Any = None,
    out: Any = None,
    ddof: Any = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> torch.Tensor:
    refuse(out=out)
    a = as_tensor(a)
    degrees = _degrees(ddof, correction)
    found = variance(_without_nan(a, 0.0), axis, dtype, degrees, keepdims, _present(a, where), mean)
    left = count(a, axis, bool(given(keepdims, False)), _present(a, where)) - degrees
    return torch.where(left <= 0, torch.full_like(found, math.nan), found)


@serves("numpy.nanstd")
def nanstd(*args: Any, **kwargs: Any) -> torch.Tensor:
    return root(nanvar(*args, **kwargs))


def count(a: torch.Tensor, axis: Axis, keepdims: bool, where: Any) -> torch.Tensor:
    """How many entries are averaged: one number, or one for each result where a mask chooses."""
    where = given(where, True)
    axes = all_axes(axis, a.ndim)
    if where is True:
        return torch.tensor(math.prod(a.shape[each] for each in axes), dtype=floating(a))
    mask = as_mask(where).expand(a.shape).to(floating(a))
    return torch.sum(mask, axes, keepdim=keepdims) if axes else mask


def _chosen(a: torch.Tensor, where: Any, otherwise: float) -> torch.Tensor:
    where = given(where, True)
    return a if where is True else torch.where(as_mask(where), a, torch.full_like(a, otherwise))


def _without_nan(a: torch.Tensor, instead: float) -> torch.Tensor:
    return torch.where(torch.isnan(a), torch.full_like(a, instead), a)


def _present(a: torch.Tensor, where: Any) -> torch.Tensor:
    where = given(where, True)
    present = ~torch.isnan(a)
    return present if where is True else present & as_mask(where)
