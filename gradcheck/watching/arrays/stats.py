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

_FAR = 1e6  # times the smallest normal number


@functools.cache
def _limits(dtype: np.dtype[Any]) -> tuple[str, float]:
    """The name, and the smallest normal number."""
    return str(dtype), float(np.finfo(dtype).smallest_normal)


def stats_of(array: Array, *, closely: bool = True) -> Stats:
    """Everything that :class:`Stats` can hold. The extremes and the mean are those of the finite entries.

    Not ``closely``: the norm alone, which reads the array once, while the entries are far from the ends of the type's
    range.
    """
    with np.errstate(all="ignore"):
        flat = np.asarray(array).reshape(-1)
        if flat.dtype.kind != "f":
            flat = flat.astype(np.float64)
        count = flat.size
        name, tiny = _limits(flat.dtype)
        if not count:
            return Stats(0, 0.0, name)
        norm, bad = _norm(flat), 0
        if not closely and tiny * _FAR * math.sqrt(count) < norm < 1 / (tiny * _FAR):
            return Stats(count, norm, name)
        if not math.isfinite(norm):
            bad = int(count - np.isfinite(flat).sum())
            flat = flat[np.isfinite(flat)]
            if not flat.size:
                return Stats(count, norm, name, bad=bad, zeros=0, subnormal=0)
        zeros, smallest, subnormal = _small(flat, tiny)
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
            subnormal=subnormal,
        )


def _small(flat: Array, tiny: float) -> tuple[int, float, int]:
    """Zeros, the smallest magnitude beside them, and how many are below the normal numbers.

    The bits of positive floats, taken as whole numbers, are in the order of the floats. Shifted to the left they have
    lost the sign, and 0 - 1 is the largest of them: so one minimum is that of what is not zero.
    """
    if flat.itemsize > 8 or not flat.dtype.isnative:
        flat = flat.astype(np.float64)
    magnitude = float(np.abs(flat).min())
    if magnitude >= tiny > 0:  # two readings of the array; where there are zeros it takes five
        return 0, magnitude, 0
    whole = np.dtype(f"u{flat.itemsize}")
    bits = np.left_shift(np.ascontiguousarray(flat).view(whole), 1)
    bits -= 1
    least = bits.min()
    zeros = int(np.count_nonzero(flat == 0))  # of truth values: counting the numbers takes ten times as long
    if zeros == flat.size:
        return zeros, math.inf, 0
    smallest = float(((least + whole.type(1)) >> whole.type(1)).view(flat.dtype))
    subnormal = int(np.count_nonzero(np.abs(flat) < tiny)) - zeros if smallest < tiny else 0
    return zeros, smallest, subnormal


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
