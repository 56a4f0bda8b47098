"""Where two arrays differ, in words: the last column, the border; such a region is found again at other sizes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.causes.candidate import Array

__all__ = ["Region", "apart", "region_of"]

_APART = 1e-7


@dataclass(frozen=True)
class Region:
    """The entries from ``start`` to ``stop`` along ``axis``; negative numbers count from the end.

    ``axis`` is None for the border of the last two axes, and for one entry, at ``index``. ``outside`` turns a region
    into all that lies outside of it.
    """

    name: str
    axis: int | None
    start: int = 0
    stop: int | None = None
    outside: bool = False
    index: tuple[int, ...] | None = None

    def mask(self, shape: tuple[int, ...]) -> Array | None:
        """True where the region is, in an array of ``shape``; None where it has no such axis."""
        found = np.zeros(shape, dtype=bool)
        if self.index is not None:
            if len(shape) != len(self.index) or any(k >= n for k, n in zip(self.index, shape, strict=True)):
                return None
            found[self.index] = True
        elif self.axis is None:
            if len(shape) < 2:
                return None
            found[...] = True
            found[..., 1:-1, 1:-1] = False
        elif self.axis < len(shape):
            found[(slice(None),) * self.axis + (slice(self.start, self.stop),)] = True
        else:
            return None
        return ~found if self.outside else found


def apart(yours: Array, true: Array) -> Array:
    """True where two arrays differ by more than rounding; what is nothing beside the largest entry agrees."""
    scale = max(float(np.abs(true).max(initial=0.0)), float(np.abs(yours).max(initial=0.0)))
    return np.asarray(np.abs(yours - true) > _APART * np.maximum(np.abs(true), 1e-3 * scale))


def region_of(differs: Array) -> Region | None:
    """The region in which all that differs lies, and that differs nearly everywhere; None where there is none."""
    if not differs.any() or differs.all():
        return None
    for region in _regions(differs):
        mask = region.mask(differs.shape)
        if mask is not None and not np.any(differs & ~mask) and np.count_nonzero(differs) > 0.5 * mask.sum():
            return region
    return None


def _regions(differs: Array) -> Iterator[Region]:
    for axis, length in enumerate(differs.shape):
        if length < 2:
            continue
        others = tuple(a for a in range(differs.ndim) if a != axis)
        where = np.flatnonzero(differs.any(axis=others))
        start, stop = int(where[0]), int(where[-1]) + 1
        if len(where) == stop - start and len(where) < length:
            yield _run(differs.ndim, axis, start, stop, length)
    if differs.ndim >= 2 and min(differs.shape[-2:]) >= 3:
        yield Region("the border", None)
        yield Region("the inside, not the border", None, outside=True)
    if np.count_nonzero(differs) == 1:
        index = tuple(int(k) for k in np.argwhere(differs)[0])
        yield Region(f"entry {list(index)}", None, index=index)


def _run(ndim: int, axis: int, start: int, stop: int, length: int) -> Region:
    one, many = _things(ndim, axis)
    count = stop - start
    if start == 0:
        if 2 * count == length and count > 1:
            return Region(f"the first half of the {many}", axis, 0, stop)
        if length - count == 1 and count > 1:
            return Region(f"all {many} but the last", axis, 0, -1)
        return Region(f"the first {one if count == 1 else f'{count} {many}'}", axis, 0, stop)
    if stop == length:
        if 2 * count == length and count > 1:
            return Region(f"the second half of the {many}", axis, start, None)
        if length - count == 1 and count > 1:
            return Region(f"all {many} but the first", axis, 1, None)
        return Region(f"the last {one if count == 1 else f'{count} {many}'}", axis, -count, None)
    if count == 1:
        return Region(f"{one} {start} (from 0)", axis, start, stop)
    return Region(f"{many} {start} to {stop - 1} (from 0)", axis, start, stop)


def _things(ndim: int, axis: int) -> tuple[str, str]:
    if ndim == 1:
        return "entry", "entries"
    if ndim == 2:
        return ("row", "rows") if axis == 0 else ("column", "columns")
    return f"entry along axis {axis}", f"entries along axis {axis}"
