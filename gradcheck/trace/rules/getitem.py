"""Indexing as NumPy means it: ``a[key]`` for every key NumPy takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import numpy_value
from gradcheck.trace.rules.positions import gathered, positions

__all__ = ["getitem"]

_PLAIN = (int, type(None), type(Ellipsis))


def getitem(a: torch.Tensor, key: Any) -> torch.Tensor:
    """``a[key]`` with NumPy's semantics; entries taken more than once add up their gradients.

    Integers, slices, None and Ellipsis give a view, without a copy. Raises IndexError as NumPy does, and
    NotImplementedError for field names.
    """
    kind = type(key)
    if kind is int or (kind is slice and (key.step is None or (type(key.step) is int and key.step > 0))):
        return a[key]
    parts = key if kind is tuple else (key,)
    backwards = False
    plain = True
    for part in parts:
        if isinstance(part, slice):
            backwards = backwards or (part.step is not None and int(part.step) < 0)
        elif type(part) not in _PLAIN and not isinstance(part, np.integer):
            plain = False
            break
    if plain:
        if not backwards:
            return a[tuple(int(part) if isinstance(part, np.integer) else part for part in parts)]
        return _basic(a, parts)
    return _advanced(a, tuple(_index(part) for part in parts))


def _index(part: Any) -> Any:
    """One part of a key: slices, None, Ellipsis and integers as they are, all the rest as an index array."""
    if part is None or part is Ellipsis or isinstance(part, slice):
        return part
    if isinstance(part, str):
        raise NotImplementedError("a field name as an index")
    if isinstance(part, list) and not part:
        return np.zeros(0, dtype=np.int64)
    return np.asarray(numpy_value(part))


def _basic(a: torch.Tensor, parts: tuple[Any, ...]) -> torch.Tensor:
    """Integers, slices (some with a negative step, which torch refuses), None and Ellipsis."""
    forwards = []
    axis = result_axis = 0
    flips = []
    for part in parts:
        if part is None:
            result_axis += 1
        elif part is Ellipsis:
            skipped = a.ndim - sum(each is not None and each is not Ellipsis for each in parts)
            axis += skipped
            result_axis += skipped
        elif isinstance(part, slice):
            if part.step is not None and int(part.step) < 0:
                chosen = range(*part.indices(a.shape[axis]))
                part = slice(chosen[-1], chosen[0] + 1, -chosen.step) if chosen else slice(0, 0)
                flips.append(result_axis)
            axis += 1
            result_axis += 1
        else:
            part = int(part)
            axis += 1
        forwards.append(part)
    return torch.flip(a[tuple(forwards)], flips)


def _advanced(a: torch.Tensor, parts: tuple[Any, ...]) -> torch.Tensor:
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    if len(parts) == 1:
        if arrays[0].dtype == np.bool_ and arrays[0].shape == a.shape and a.ndim:
            return a[torch.from_numpy(np.array(arrays[0], copy=True))]
        if arrays[0].dtype.kind in "iu" and a.ndim:
            return _rows(a, arrays[0])
        if arrays[0].dtype == np.bool_ and arrays[0].shape == a.shape[:1] and a.ndim:
            return _rows(a, np.flatnonzero(arrays[0]))
    if len(arrays) == len(parts) == a.ndim and all(array.dtype.kind in "iu" for array in arrays) and a.ndim:
        wrapped = [array.astype(np.int64) for array in arrays]
        return a[tuple(torch.from_numpy(np.array(array, order="C")) for array in np.broadcast_arrays(*wrapped))]
    # Where slices stand among index arrays, NumPy itself says which entry goes where.
    return gathered(a, positions(a.shape)[parts])


def _rows(a: torch.Tensor, index: np.ndarray[Any, np.dtype[Any]]) -> torch.Tensor:
    """``a[index]`` with one integer array: whole rows, without a table of all positions."""
    rows = index.astype(np.int64).reshape(-1)
    if rows.size and (rows.min() < -len(a) or rows.max() >= len(a)):
        raise IndexError(f"index out of bounds for axis 0 with size {len(a)}")
    rows = np.where(rows < 0, rows + len(a), rows)
    return torch.index_select(a, 0, torch.from_numpy(rows)).reshape((*index.shape, *a.shape[1:]))
