"""How far apart two arrays are, and where most."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

__all__ = [
    "all_finite",
    "distance",
    "nearest_multiple",
    "norm",
    "pieces",
    "relative",
    "relative_error",
    "same_sums",
    "worst_indices",
]

# The same operations at the same values: only a sum taken in another order may differ.
_SAME = 1e-9
_PIECE = 1 << 17
_ROW = 256

Array = np.ndarray[Any, Any]


def norm(array: Array) -> float:
    """The 2-norm over all entries, without overflow or underflow on the way.

    Example:
        >>> norm(np.array([3e200, 4e200]))
        5e+200
    """
    flat = np.asarray(array, dtype=np.float64).ravel()
    with np.errstate(all="ignore"):
        square = float(np.dot(flat, flat))
    if 1e-200 < square < 1e200:
        return math.sqrt(square)
    wide = np.abs(flat)
    largest = float(wide.max(initial=0.0))
    if largest == 0 or not math.isfinite(largest):
        return largest
    return largest * float(np.linalg.norm(wide / largest))


def all_finite(array: object) -> bool:
    """Whether no entry is NaN or infinite.

    A sum of squares that is finite tells in one pass; it may also overflow, and then each entry is looked at.
    """
    if type(array) is np.ndarray and array.dtype == np.float64 and array.flags.c_contiguous:
        flat = array.reshape(-1)
        with np.errstate(all="ignore"):
            if math.isfinite(np.dot(flat, flat)):
                return True
    return bool(np.all(np.isfinite(array)))  # type: ignore[call-overload]  # whatever NumPy makes of it


def pieces(*arrays: Array) -> Iterator[tuple[Array, ...]]:
    """Arrays of one shape, flat, so many entries at a time that what is computed of them stays in the cache."""
    flat = [array.reshape(-1) for array in arrays]
    for start in range(0, flat[0].size, _PIECE):
        yield tuple(array[start : start + _PIECE] for array in flat)


def distance(left: Array, right: Array) -> float:
    """‖left - right‖."""
    left, right = np.asarray(left), np.asarray(right)
    if left.size <= _PIECE or left.shape != right.shape:
        return norm(np.subtract(left, right, dtype=np.float64))
    return norm(np.array([norm(np.subtract(a, b, dtype=np.float64)) for a, b in pieces(left, right)]))


def nearest_multiple(of: Array, array: Array) -> float | None:
    """The number c at which c·``of`` comes closest to ``array``; None where ``of`` is zero.

    Example:
        >>> nearest_multiple(np.array([1.0, 2.0]), np.array([3.0, 6.0]))
        3.0
    """
    length = norm(of)
    if length == 0:
        return None
    with np.errstate(all="ignore"):
        if 1e-100 < length < 1e100:
            found = float(np.vdot(of, array)) / length / length
            if 1e-200 < abs(found) < 1e200:
                return found
        return float(np.vdot(of / length, array / length))


def relative_error(yours: Array, true: Array) -> float:
    """‖yours - true‖ / ‖true‖; infinite where only ``true`` is 0 or ``yours`` is not finite, 0 where both are."""
    with np.errstate(all="ignore"):
        difference = distance(yours, true)
    return relative(difference, norm(true) if 0 < difference < math.inf else 0.0)


def relative(difference: float, length: float) -> float:
    """``difference`` in units of ``length``; infinite where it is not finite or only ``length`` is 0, 0 where it is."""
    if not math.isfinite(difference):
        return math.inf
    if difference == 0:
        return 0.0
    return difference / length if length > 0 else math.inf


def same_sums(now: Array, then: Array) -> bool:
    """Whether two results of the same operations on the same values are the same, up to the order of a sum."""
    eps = float(np.finfo(then.dtype).eps) if then.dtype.kind == "f" else 0.0
    return relative_error(now, then) <= max(_SAME, 64 * eps)


def worst_indices(yours: Array, true: Array, count: int) -> list[tuple[int, ...]]:
    """The positions at which the two differ most, worst first; entries that are not finite come before all others."""
    gap = np.abs(np.subtract(yours, true, dtype=np.float64)).ravel()
    if not math.isfinite(float(gap.max(initial=0.0))):
        gap[~np.isfinite(gap)] = np.inf
    chosen = _largest(gap, min(count, gap.size))
    order = chosen[np.argsort(-gap[chosen], kind="stable")]
    shape = np.shape(true)
    return [tuple(int(i) for i in np.unravel_index(int(k), shape)) for k in order if gap[k] > 0]


def _largest(gap: Array, count: int) -> Array:
    """The positions of the ``count`` largest entries, in order."""
    if count == gap.size:
        return np.arange(count)
    rows = gap.size // _ROW
    if rows <= count:
        return _largest_of_few(gap, count)
    # only in as many rows as have the largest maxima (and behind the last row) can they stand: few entries to look at
    heads = gap[: rows * _ROW].reshape(rows, _ROW).max(axis=1)
    best = np.argpartition(heads, rows - count)[rows - count :]
    among = np.concatenate([(best[:, None] * _ROW + np.arange(_ROW)).ravel(), np.arange(rows * _ROW, gap.size)])
    among.sort()
    return among[_largest_of_few(gap[among], count)]


def _largest_of_few(gap: Array, count: int) -> Array:
    return np.sort(np.argpartition(gap, gap.size - count)[gap.size - count :])
