"""What carries the derivative of a number or of a small array that has no tensor of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["ADDRESSES", "SMALL", "Light", "Part", "Wide", "is_small"]

Array = npt.NDArray[Any]

# A code below zero is ~address of an entry of a source, all others are numbers of entries of the list.
ADDRESSES = 1 << 31
# Entries of an array for which one operation in Python costs more than the arithmetic.
SMALL = 4096

_FLOAT64 = np.dtype(np.float64)


class Part:
    """Some entries of a source, at a strided view of its positions; ``index`` gave them of the whole source.

    ``begin`` is the address of the source's own first entry.
    """

    __slots__ = ("begin", "index", "positions")

    def __init__(self, begin: int, positions: Array, index: Any = None) -> None:
        self.begin = begin
        self.positions = positions
        self.index = index

    def code(self) -> int:
        """That of the first entry."""
        position: int = self.positions.item(0)
        return ~(self.begin + position)


class Wide:
    """The array that the entry of this number is the result of."""

    __slots__ = ("number",)

    def __init__(self, number: int) -> None:
        self.number = number


Light = int | Part | Wide


def is_small(array: Array) -> bool:
    """Whether an array may do without a tensor of its own."""
    return array.dtype is _FLOAT64 and 0 < array.size <= SMALL and array.ndim > 0
