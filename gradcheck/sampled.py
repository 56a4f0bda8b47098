"""How a gradient of any size becomes a picture of at most 4,096 values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcheck.picture import Picture

__all__ = ["picture_of"]

Array = np.ndarray[Any, Any]

_VALUES = 4096
_MATRICES = 36  # more cannot be told apart on a page
_KERNEL = 11  # sides of kernels are at most this long
_DIGITS = 4
_EXACT = 22  # 10 to this power is a double without rounding


def picture_of(yours: Array, true: Array) -> Picture | None:
    """The two arrays and their difference, sampled; None where there is nothing to see (one entry, other shapes, none).

    A torch module's gradient is autograd's own: what contradicts it are numeric differences.
    """
    if yours.shape != true.shape or true.size < 2:
        return None
    mine, truth, indices = *(_matrices(np.asarray(a, dtype=np.float64)) for a in (yours, true)), _indices(true.shape)
    with np.errstate(all="ignore"):
        off = np.abs(mine - truth)
    off[np.isnan(off)] = np.inf  # what is not finite is the first thing to be seen
    if not np.any(off):
        return None
    kept = _kept(off)
    mine, truth, off = mine[kept], truth[kept], off[kept]
    if off.size <= _VALUES:
        block = (1, 1)
    else:
        places, block = _worst_of_blocks(off)
        mine, truth = mine[places], truth[places]
    with np.errstate(all="ignore"):
        difference = mine - truth
    return Picture(
        shape=(mine.shape[0], mine.shape[1], mine.shape[2]),
        yours=_rounded(mine),
        true=_rounded(truth),
        difference=_rounded(difference),
        indices=tuple(indices[i] for i in kept) if true.ndim > 2 else (),
        block=block,
        left_out=len(indices) - len(kept),
    )


def _axes(shape: tuple[int, ...]) -> tuple[int, int]:
    """The axes that become rows and columns: the last two, or those of small square kernels in front of them."""
    ahead = (0, 1) if len(shape) > 3 else ()
    if ahead and shape[0] == shape[1] <= _KERNEL and shape[0] > 1 and shape[-1] != shape[-2]:
        return 0, 1
    return len(shape) - 2, len(shape) - 1


def _matrices(array: Array) -> Array:
    """The array as (matrices, rows, columns)."""
    if array.ndim < 2:
        return array.reshape(1, 1, -1)
    moved = np.moveaxis(array, _axes(array.shape), (-2, -1))
    return moved.reshape(-1, *moved.shape[-2:])


def _indices(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    if len(shape) < 3:
        return [()]
    taken = _axes(shape)
    return list(np.ndindex(*(n for axis, n in enumerate(shape) if axis not in taken)))


def _kept(off: Array) -> list[int]:
    """The matrices that differ most, in the order in which they stand."""
    if len(off) <= _MATRICES:
        return list(range(len(off)))
    most = np.argsort(-off.max(axis=(1, 2)), kind="stable")[:_MATRICES]
    return sorted(int(i) for i in most)


def _worst_of_blocks(off: Array) -> tuple[tuple[Array, Array, Array], tuple[int, int]]:
    """Where in each block the two differ most, as indices (matrix, row, column), and how large the blocks are."""
    matrices, rows, columns = off.shape
    room = _VALUES // matrices
    most_rows = min(rows, max(math.isqrt(room), room // columns))
    most_columns = min(columns, room // most_rows)
    high, wide = math.ceil(rows / most_rows), math.ceil(columns / most_columns)
    down, across = math.ceil(rows / high), math.ceil(columns / wide)
    whole = np.full((matrices, down * high, across * wide), -1.0)  # what lies beyond the edge is never the worst
    whole[:, :rows, :columns] = off
    blocks = whole.reshape(matrices, down, high, across, wide).transpose(0, 1, 3, 2, 4)
    worst = np.argmax(blocks.reshape(matrices, down, across, -1), axis=3)
    matrix, row, column = np.ix_(range(matrices), range(down), range(across))
    return (matrix, row * high + worst // wide, column * wide + worst % wide), (high, wide)


def _rounded(array: Array) -> tuple[float, ...]:
    """The doubles nearest to the values' first four decimal digits, which is what their text is read back as."""
    flat = array.ravel()
    with np.errstate(all="ignore"):
        power = np.floor(np.log10(np.abs(flat))) - (_DIGITS - 1)
        power[flat == 0] = 0.0
        plain = np.abs(power) <= _EXACT  # then one operation on exact numbers gives the nearest double
        power = np.where(plain, power, 0.0).astype(int)
        ten = 10.0 ** np.abs(power)
        whole = np.rint(np.where(power < 0, flat * ten, flat / ten))
        rounded = np.where(power < 0, whole / ten, whole * ten).tolist()
    for i in np.flatnonzero(~plain):
        rounded[i] = float(f"{flat[i]:.{_DIGITS}g}")
    return tuple(rounded)
