"""How far apart two arrays are, and where most."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

__all__ = ["norm", "relative_error", "worst_indices"]

Array = np.ndarray[Any, Any]


def norm(array: Array) -> float:
    """The 2-norm over all entries, without overflow or underflow on the way.

    Example:
        >>> norm(np.array([3e200, 4e200]))
        5e+200
    """
    wide = np.abs(np.asarray(array, dtype=np.float64)).ravel()
    largest = float(wide.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    if 1e-100 < largest < 1e100:
        return float(np.linalg.norm(wide))
    return largest * float(np.linalg.norm(wide / largest))


def relative_error(yours: Array, true: Array) -> float:
    """‖yours - true‖ / ‖true‖; infinite where only ``true`` is 0 or ``yours`` is not finite, 0 where both are."""
    if not np.all(np.isfinite(yours)):
        return math.inf
    difference = norm(np.asarray(yours, np.float64) - np.asarray(true, np.float64))
    if difference == 0:
        return 0.0
    length = norm(true)
    return difference / length if length > 0 else math.inf


def worst_indices(yours: Array, true: Array, count: int) -> list[tuple[int, ...]]:
    """The positions at which the two differ most, worst first; entries that are not finite come before all others."""
    gap = np.abs(np.asarray(yours, np.float64) - np.asarray(true, np.float64))
    gap = np.where(np.isfinite(gap), gap, np.inf).ravel()
    count = min(count, gap.size)
    order = np.argpartition(-gap, count - 1)[:count] if count < gap.size else np.arange(gap.size)
    order = order[np.argsort(-gap[order], kind="stable")]
    shape = np.shape(true)
    return [tuple(int(i) for i in np.unravel_index(int(k), shape)) for k in order if gap[k] > 0]
