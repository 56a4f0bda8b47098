"""A NumPy array in a few numbers, and two of them taken together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.health.sample import Stats

__all__ = ["merged", "stats_of"]

Array = np.ndarray[Any, Any]


def stats_of(array: Array) -> Stats:
    """Everything that :class:`Stats` can hold. The extremes and the mean are those of the finite entries."""
    with np.errstate(all="ignore"):
        flat = np.asarray(array).reshape(-1)
        if flat.dtype.kind != "f":
            flat = flat.astype(np.float64)
        count, dtype = flat.size, flat.dtype
        if not count:
            return Stats(0, 0.0, str(dtype))
        size = np.abs(flat)
        low, high = float(flat.min()), float(flat.max())
        bad = 0 if math.isfinite(low) and math.isfinite(high) else int(count - np.isfinite(flat).sum())
        if bad:
            flat = flat[np.isfinite(flat)]
            low, high = (float(flat.min()), float(flat.max())) if flat.size else (None, None)  # type: ignore[assignment]  # none is finite: not known
        zeros = int(count - np.count_nonzero(size))
        smallest = float(np.min(size, where=size > 0, initial=np.inf))
        tiny = float(np.finfo(dtype).smallest_normal)
        return Stats(
            count=count,
            norm=_norm(size),
            dtype=str(dtype),
            low=low,
            high=high,
            mean=float(flat.mean(dtype=np.float64)) if flat.size else None,
            bad=bad,
            zeros=zeros,
            smallest=smallest if math.isfinite(smallest) else None,
            subnormal=int(np.count_nonzero((size > 0) & (size < tiny))) if smallest < tiny else 0,
        )


def _norm(size: Array) -> float:
    """The 2-norm in float64. Squares of entries like 1e-200 or 1e200 leave float64: those are scaled first."""
    wide = size.astype(np.float64, copy=False)
    norm = math.sqrt(float(wide @ wide)) if wide.size else 0.0
    if norm == 0 or (math.isinf(norm) and np.isfinite(wide).all()):
        largest = float(wide.max())
        scaled = wide / largest if largest > 0 else wide
        norm = largest * math.sqrt(float(scaled @ scaled)) if largest > 0 else 0.0
    return norm


def merged(parts: Sequence[Stats]) -> Stats | None:
    """Several arrays as if they were one; None of none."""
    if len(parts) < 2:
        return parts[0] if parts else None
    count = sum(part.count for part in parts)
    lows = [part.low for part in parts if part.low is not None]
    highs = [part.high for part in parts if part.high is not None]
    means = [(part.mean, part.count) for part in parts if part.mean is not None]
    smallest = [part.smallest for part in parts if part.smallest is not None]
    return Stats(
        count=count,
        norm=math.hypot(*(part.norm for part in parts)),
        dtype=parts[0].dtype,
        low=min(lows, default=None),
        high=max(highs, default=None),
        mean=sum(mean * n for mean, n in means) / max(sum(n for _, n in means), 1) if means else None,
        bad=sum(part.bad for part in parts),
        zeros=sum(part.zeros or 0 for part in parts),
        smallest=min(smallest, default=None),
        subnormal=sum(part.subnormal or 0 for part in parts),
    )
