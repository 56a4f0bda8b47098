"""Variances, standard deviations, covariances and correlations."""

from __future__ import annotations

import math
from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes
from gradcheck.trace.rules.convert import Operand, as_tensor, common, floating, given, refuse, widened
from gradcheck.trace.rules.reductions import count, mean, present, sum_, without_nan
from gradcheck.trace.rules.table import serves

__all__ = ["root", "variance"]


def variance(
    a: Operand,
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
    if centre is None and given(where, True) is True and not a.is_complex() and a.requires_grad and a.numel():
        axes = all_axes(axis, a.ndim)
        freedom = max(count(a, axis, keepdims, True) - ddof, 0.0)
        if axes and freedom:
            spread: torch.Tensor = _Spread.apply(a, axes, freedom)  # type: ignore[no-untyped-call]  # torch leaves apply untyped
            return spread if keepdims else spread.squeeze(axes)
    middle = mean(a, axis, keepdims=True, where=where) if centre is None else as_tensor(centre, a)
    away = a - middle
    squares = (away * away.conj()).real if away.is_complex() else away * away
    freedom = count(a, axis, keepdims, where) - ddof
    freedom = torch.clamp(freedom, min=0) if isinstance(freedom, torch.Tensor) else max(freedom, 0.0)
    return sum_(squares, axis, keepdims=keepdims, where=where) / freedom


class _Spread(torch.autograd.Function):
    """Σ (a - mean)² / freedom, its derivative 2 (a - mean) / freedom: that of the mean adds up to nothing."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor, axes: tuple[int, ...], freedom: float) -> torch.Tensor:
        away = a - torch.mean(a, axes, keepdim=True)
        ctx.save_for_backward(a, away)
        ctx.axes, ctx.freedom = axes, freedom
        return torch.sum(away * away, axes, keepdim=True) / freedom

    @staticmethod
    def backward(ctx: Any, *upstreams: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        a, away = ctx.saved_tensors
        if torch.is_grad_enabled():  # to be differentiated once more
            away = a - torch.mean(a, ctx.axes, keepdim=True)
        return upstreams[0] * (2 / ctx.freedom) * away, None, None


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
    a: Operand,
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
    a: Operand,
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


@serves("numpy.nanvar")
def nanvar(
    a: Operand,
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
    found = variance(without_nan(a, 0.0), axis, dtype, degrees, keepdims, present(a, where), mean)
    left = as_tensor(count(a, axis, bool(given(keepdims, False)), present(a, where)), a) - degrees
    return torch.where(left <= 0, torch.full_like(found, math.nan), found)


@serves("numpy.nanstd")
def nanstd(*args: Any, **kwargs: Any) -> torch.Tensor:
    return root(nanvar(*args, **kwargs))


@serves("numpy.cov")
def cov(
    m: Operand,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> torch.Tensor:
    rows = _variables(widened(as_tensor(m), dtype), rowvar)
    if y is not None:
        rows = torch.cat(common(rows, _variables(as_tensor(y, rows), rowvar)))
    weights = torch.ones(rows.shape[1], dtype=floating(rows))
    importance = torch.ones_like(weights) if aweights is None else as_tensor(aweights, weights)
    if fweights is not None:
        weights = weights * as_tensor(fweights, weights)
    weights = weights * importance
    total = weights.sum()
    degrees = int(not bias) if ddof is None else ddof
    # Weights of importance shrink the freedom by the average of themselves, counts by one each.
    freedom = total - degrees * (weights * importance).sum() / total
    away = rows - (rows * weights).sum(1, keepdim=True) / total
    found = torch.matmul(away * weights, away.T.conj()) / freedom.clamp(min=0)
    return found.squeeze()


@serves("numpy.corrcoef")
def corrcoef(x: Operand, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> torch.Tensor:
    covariance = cov(x, y, rowvar, dtype=dtype)
    if covariance.ndim == 0:
        return covariance / covariance
    spread = torch.sqrt(torch.real(torch.diagonal(covariance)))
    found = covariance / spread[:, None] / spread
    return found if found.is_complex() else found.clamp(-1, 1)


def _variables(x: torch.Tensor, rowvar: bool) -> torch.Tensor:
    x = x.reshape(1, -1) if x.ndim < 2 else x
    return x if rowvar or x.shape[0] == 1 else x.T
