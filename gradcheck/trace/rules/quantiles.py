"""Median, quantiles and percentiles: between which two sorted entries they lie, and how far."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, last_axis, restored
from gradcheck.trace.rules.convert import Operand, as_tensor, given, refuse
from gradcheck.trace.rules.table import serves

# With n entries quantile q lies at place (n - α - β + 1) q + α - 1, clipped to 0 ... n - 1: Hyndman and Fan's α and β.
_CONTINUOUS = {
    "linear": (1.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
    "interpolated_inverted_cdf": (0.0, 1.0),
}


@serves("numpy.median")
def median(a: Operand, axis: Axis = None, out: Any = None, overwrite_input: bool = False, keepdims: Any = False) -> Any:  # noqa: ARG001  # NumPy's signature
    return _quantile(a, 0.5, axis, out, "linear", keepdims, skip_nan=False)


@serves("numpy.nanmedian")
def nanmedian(
    a: Operand,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,  # noqa: ARG001  # NumPy's signature
    keepdims: Any = False,
) -> torch.Tensor:
    return _quantile(a, 0.5, axis, out, "linear", keepdims, skip_nan=True)


@serves("numpy.quantile")
def quantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,  # noqa: ARG001  # NumPy's signature
    method: str = "linear",
    keepdims: Any = False,
    **more: Any,
) -> torch.Tensor:
    refuse(**more)
    return _quantile(a, q, axis, out, method, keepdims, skip_nan=False)


@serves("numpy.percentile")
def percentile(a: Operand, q: Operand, *args: Any, **kwargs: Any) -> torch.Tensor:
    return quantile(a, as_tensor(q) / 100, *args, **kwargs)


@serves("numpy.nanquantile")
def nanquantile(
    a: Operand,
    q: Operand,
    axis: Axis = None,
    out: Any = None,
    overwrite_input: bool = False,  # noqa: ARG001  # NumPy's signature
    method: str = "linear",
    keepdims: Any = False,
    **more: Any,
) -> torch.Tensor:
    refuse(**more)
    return _quantile(a, q, axis, out, method, keepdims, skip_nan=True)


@serves("numpy.nanpercentile")
def nanpercentile(a: Operand, q: Operand, *args: Any, **kwargs: Any) -> torch.Tensor:
    return nanquantile(a, as_tensor(q) / 100, *args, **kwargs)


def _quantile(
    a: Operand, q: Operand, axis: Axis, out: Any, method: str, keepdims: Any, *, skip_nan: bool
) -> torch.Tensor:
    refuse(out=out)
    a = as_tensor(a)
    q = as_tensor(q, a).to(a.dtype)
    rows, axes = last_axis(a, axis)
    rows = torch.sort(rows, -1).values  # NaN comes last, as in NumPy
    missing = torch.isnan(rows)
    if not skip_nan:
        rows = torch.where(missing.any(-1, keepdim=True), torch.full_like(rows, torch.nan), rows)
        missing = torch.zeros_like(missing)
    last = (~missing).sum(-1) - 1
    found = torch.stack([_between(rows, last, each, method) for each in q.reshape(-1).unbind()])
    return restored(
        found.reshape((*q.shape, *found.shape[1:])),
        tuple(axis + q.ndim for axis in axes),
        bool(given(keepdims, False)),
    )


def _between(rows: torch.Tensor, last: torch.Tensor, q: torch.Tensor, method: str) -> torch.Tensor:
    """Quantile ``q`` of each sorted row whose present entries end at index ``last``."""
    place = _place(q, last.to(rows.dtype), method).clamp(min=0).minimum(last.clamp(min=0).to(rows.dtype))
    below = place.detach().floor().long()
    above = torch.minimum(below + 1, last.clamp(min=0))
    low = rows.gather(-1, below.unsqueeze(-1)).squeeze(-1)
    high = rows.gather(-1, above.unsqueeze(-1)).squeeze(-1)
    return low + (high - low) * (place - below)


def _place(q: torch.Tensor, last: torch.Tensor, method: str) -> torch.Tensor:
    if method in _CONTINUOUS:
        alpha, beta = _CONTINUOUS[method]
        return (last + 2 - alpha - beta) * q + alpha - 1
    linear = last * q
    if method == "lower":
        return linear.floor()
    if method == "higher":
        return linear.ceil()
    if method == "midpoint":
        return (linear.floor() + linear.ceil()) / 2
    if method == "nearest":
        return linear.round()
    raise NotImplementedError(f"quantiles with method={method!r}")
