"""The noise in a computed function at one point, measured by a table of differences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

__all__ = ["hidden_unit", "measured_noise", "noise_in"]

Array = np.ndarray[Any, Any]

_POINTS = 8
# Spacings relative to the size of what is moved. The first is far below what a float64 forward bends over; a forward
# that computes in a lower precision does not change within it, and is looked at more coarsely.
_SPACINGS = (1e-7, 3e-6, 1e-4, 5.3e-3)
_SAMPLE = 64


def measured_noise(change: Callable[[float], float]) -> float:
    """The standard deviation of the noise in ``change(t)`` near t = 0; 0 where it does not change at all.

    Raises:
        Exception: what ``change`` raises at a value that it does not take.

    Example:
        >>> noise = measured_noise(lambda t: float(np.float32(1 + math.sin(t))))
        >>> 1e-8 < noise < 1e-7
        True
    """
    for spacing in _SPACINGS:
        values = [change((k - _POINTS // 2) * spacing) for k in range(_POINTS)]
        if not all(map(math.isfinite, values)):
            return math.inf
        # where more than half of the neighbours are equal, the spacing is below the resolution of the function
        if np.count_nonzero(np.diff(values)) > _POINTS // 2 and (found := noise_in(values)):
            return found
    return 0.0


def noise_in(values: Sequence[float]) -> float:
    """The noise in values of a smooth function at equally spaced points (the ECNoise of J. J. Moré and S. M. Wild,
    Estimating computational noise, SIAM J. Sci. Comput. 33, 2011).

    Of a smooth function the k-th differences vanish as the k-th power of the spacing. Those of independent noise of
    variance σ² have the variance σ² (2k)!/(k!)², so that each column of the table gives an estimate of σ; where three
    columns one after another agree within a factor of 4 and the signs vary, it is noise that they see. Where no three
    do, the largest of the last three is taken: more than the noise, never less.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> noise = noise_in([math.exp(1e-3 * k) + 1e-9 * rng.standard_normal() for k in range(8)])
        >>> 2e-10 < noise < 5e-9
        True
    """
    column, factor = np.asarray(values, np.float64), 1.0
    found, varied = [], []
    for k in range(1, len(column)):
        column = np.diff(column)
        factor *= k / (4 * k - 2)  # (k!)²/(2k)! over its predecessor
        found.append(math.sqrt(factor * float(np.mean(column * column))))
        varied.append(float(column.min()) < 0 < float(column.max()))
    for three, signs in zip(zip(found, found[1:], found[2:], strict=False), varied, strict=False):
        if signs and max(three) <= 4 * min(three):
            return max(three)
    return max(found[-3:])


def hidden_unit(up: Array, down: Array) -> float:
    """The rounding unit of a lower precision than its own that an output of float64 or float32 was computed in, or 0.

    Whatever is moved by an arbitrary step and computed in full has digits down to its last: if none of the numbers
    that changed has more than float32's (bfloat16's, float16's), they were rounded to it on the way. Where
    none changed, they may be flat, or stand still because of that rounding: then float32 is assumed where all are
    float32's and some have more digits than round numbers have.

    Example:
        >>> moved, back = np.array([0.1, 0.7]), np.array([0.2, 0.9])
        >>> hidden_unit(moved, back)
        0.0
        >>> hidden_unit(moved.astype(np.float32).astype(float), back.astype(np.float32).astype(float)) == 2.0**-23
        True
    """
    if up.dtype not in (np.float64, np.float32) or not up.size:
        return 0.0
    step = max(1, up.size // _SAMPLE)
    some, other = up.flat[::step], down.flat[::step]  # without a copy, however they lie
    places = np.flatnonzero(some != other)
    if not places.size and step > 1:
        some, other = up.reshape(-1), down.reshape(-1)
        places = np.flatnonzero(some != other)[:_SAMPLE]
    changed = np.concatenate([some[places], other[places]])
    changed = changed[changed != 0]  # what a ReLU has cut off has any precision
    if not changed.size:
        kept = (
            up.dtype == np.float64 and _is_single(some) and not (_is_half(some) or np.array_equal(some, np.rint(some)))
        )
        return float(np.finfo(np.float32).eps) if kept else 0.0
    if up.dtype == np.float64 and not _is_single(changed):
        return 0.0
    if not np.any(changed.astype(np.float32).view(np.uint32) & np.uint32(0xFFFF)):
        return 2.0**-7  # bfloat16 is the upper half of a float32
    if _is_half(changed):
        return float(np.finfo(np.float16).eps)
    return float(np.finfo(np.float32).eps) if up.dtype == np.float64 else 0.0


def _is_half(single: Array) -> bool:
    """Whether numbers of float32 have no more digits than float16's, whatever their size."""
    return not np.any(single.astype(np.float32).view(np.uint32) & np.uint32(0x1FFF))


def _is_single(array: Array) -> bool:
    with np.errstate(all="ignore"):
        return np.array_equal(array.astype(np.float32), array)
