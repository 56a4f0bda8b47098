"""Positions of a view's elements in memory, as views of one array 0, 1, 2, ...: no view's positions take memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["are_distinct", "are_regular", "counting"]

Array = npt.NDArray[Any]

# Every counting array that was ever handed out stays alive, so that its identity tells its views.
_numbers: list[Array] = []
_identities: set[int] = set()


def counting(upto: int) -> Array:
    """0, 1, 2, ..., at least ``upto`` of them; read-only."""
    if not _numbers or upto > _numbers[-1].size:
        numbers = np.arange(max(upto, 2 * _numbers[-1].size if _numbers else 1 << 12))
        numbers.flags.writeable = False
        _numbers.append(numbers)
        _identities.add(id(numbers))
    return _numbers[-1]


def are_regular(positions: Array) -> bool:
    """Whether the positions are a view of 0, 1, 2, ..., so that their strides are those of the elements."""
    return id(positions.base) in _identities


def are_distinct(positions: Array) -> bool:
    """Whether no position occurs twice, as far as strides tell (irregular ones: not known, so False)."""
    if positions.ndim == 0:
        return True
    if not are_regular(positions):
        return False
    reach = 0
    for stride, length in sorted(zip(map(abs, positions.strides), positions.shape, strict=True)):
        if length > 1:
            if stride <= reach:
                return False
            reach += stride * (length - 1)
    return True
