"""A NumPy array in a few numbers, and two of them taken together."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.health.sample import Stats

__all__ = ["merged", "stats_of"]

Array = np.ndarray[Any, Any]


@functools.cache
def _limits(dtype: np.dtype[Any]) -> tuple[str, float]:
    """The name, and the smallest normal number."""
    return str(dtype), float(np.finfo(dtype).smallest_normal)


def stats_of(array: Array) -> Stats:
    """Everything that :class:`Stats` can hold. The extremes and the mean are those of the finite entries."""
    with np.errstate(all="ignore"):
        flat = np.asarray(array).reshape(-1)
        if flat.dtype.kind != "f":
            flat = flat.astype(np.float64)
        count = flat.size
        name, tiny = _limits(flat.dtype)
        if not count:
            return Stats(0, 0.0, name)
        norm, bad = _norm(flat), 0
        if not math.isfinite(norm):
            bad = int(count - np.isfinite(flat).sum())
            flat = flat[np.isfinite(flat)]
            if not flat.size:
                return Stats(count, norm, name, bad=bad, zeros=0, subnormal=0)
        size = np.abs(flat)
        zeros, smallest = 0, float(size.min())
        if smallest == 0:
            zero = size == 0
            zeros = int(np.count_nonzero(zero))  # of truth values: counting the numbers takes ten times as long
            np.copyto(size, np.inf, where=zero)
            smallest = float(size.min())
        return Stats(
            count=count,
            norm=norm,
            dtype=name,
            low=float(flat.min()),
            high=float(flat.max()),
            mean=_mean(flat),
            bad=bad,
            zeros=zeros,
            smallest=smallest if math.isfinite(smallest) else None,
            subnormal=int(np.count_nonzero(size < tiny)) if smallest < tiny else 0,
        )


def _mean(flat: Array) -> float:
    """In float64 where the sum would leave the range of the type, or where its digits are few."""
    total = float(flat.sum()) if flat.itemsize >= 4 else math.inf
    return total / flat.size if math.isfinite(total) else float(flat.mean(dtype=np.float64))


def _norm(flat: Array) -> float:
    """The 2-norm; in float64 where squares leave the type, and scaled where they leave float64 (1e-200, 1e200)."""
    if flat.itemsize >= 4:
        square = float(flat @ flat)
        if 1e-30 < square < 1e30:
            return math.sqrt(square)
    wide = flat.astype(np.float64, copy=False)
    norm = math.sqrt(float(wide @ wide)) if wide.size else 0.0
    if norm == 0 or (math.isinf(norm) and np.isfinite(wide).all()):
        largest = float(np.abs(wide).max())
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
