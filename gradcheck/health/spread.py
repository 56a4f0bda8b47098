"""How the entries of an array lie, counted in bins, from a part of them that is cheap to take."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcheck.watched import Histogram, Spread

__all__ = ["every_kth", "histogram_of"]

Array = np.ndarray[Any, Any]

_BINS = 32
_ENTRIES = 4096  # a share of 1 % is told to within 0.16 %


def every_kth(shape: tuple[int, ...]) -> int:
    """Which entries of an array of this shape, flattened, are looked at: every k-th, at most 4,096.

    k and the length of the last axis have no common divisor, else some units would never be seen.
    """
    k = max(1, math.ceil(math.prod(shape) / _ENTRIES))
    while k > 1 and shape and math.gcd(k, shape[-1]) > 1:
        k += 1
    return k


def histogram_of(values: Array, of: Spread, size: int, scale: float = 1.0) -> Histogram | None:
    """The histogram of the entries that were taken of an array of that size; None where none of them is finite.

    Args:
        values: The entries, of any floating-point dtype.
        of: What they are. Gradients are counted by magnitude, on a log scale: their sizes span many powers of ten.
        size: How many entries the whole array has.
        scale: What the entries have to be divided by.
    """
    with np.errstate(all="ignore"):  # a caller may have made them errors
        values = values.astype(np.float64).ravel() / scale
        finite = values[np.isfinite(values)]
        there = finite[finite != 0]
        log = of == "gradient"
        low, high, counts = _counted(np.log10(np.abs(there)) if log else there)
    if not finite.size:
        return None
    return Histogram(
        of=of,
        low=10.0**low if log and there.size else low,
        high=10.0**high if log and there.size else high,
        counts=counts,
        log=log,
        zeros=int(finite.size - there.size),
        bad=int(values.size - finite.size),
        entries=int(values.size),
        size=size,
    )


def _counted(values: Array) -> tuple[float, float, tuple[int, ...]]:
    """The smallest and the largest, and how many lie where between them.

    ``np.histogram`` refuses a range whose width overflows, or is lost to rounding.
    """
    if not values.size:
        return 0.0, 0.0, (0,) * _BINS
    low, high = float(values.min()), float(values.max())
    share = (values / 2 - low / 2) / max(high / 2 - low / 2, np.finfo(np.float64).tiny)
    places = np.minimum((share * _BINS).astype(np.int64), _BINS - 1)
    return low, high, tuple(np.bincount(places, minlength=_BINS).tolist())
