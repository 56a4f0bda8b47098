"""The entries of a Wengert list, column by column."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["LINEAR", "PICK", "SINGLE", "Columns"]

# y = left_factor · left + right_factor · right + a constant; the same of one operand; one entry of an array.
LINEAR, SINGLE, PICK = range(3)
_CHUNK = 4096

Array = npt.NDArray[Any]
Row = tuple[int, int, int, int, float, float]


class Columns:
    """For every entry its kind, the codes of two operands and a factor for each.

    Kinds from 3 on are those of operations on arrays; where an entry has no use for a column, the entry's own number
    or 0 stands there.
    """

    __slots__ = ("by_left", "by_right", "kinds", "left", "right")

    def __init__(self) -> None:
        self.kinds = array("i")
        self.left = array("q")
        self.right = array("q")
        self.by_left = array("d")
        self.by_right = array("d")

    def __len__(self) -> int:
        return len(self.kinds)

    def linear(self, left: int, by_left: float, right: int, by_right: float) -> int:
        """The number of a new entry: a sum of two numbers, each multiplied by its factor."""
        return self.add(LINEAR, left, right, by_left, by_right)

    def single(self, operand: int, factor: float) -> int:
        """The number of a new entry: a number multiplied by a factor."""
        return self.add(SINGLE, operand, len(self.kinds), factor, 0.0)

    def add(self, kind: int, left: int, right: int, by_left: float, by_right: float) -> int:
        """The number of a new entry."""
        number = len(self.kinds)
        self.left.append(left)
        self.right.append(right)
        self.by_left.append(by_left)
        self.by_right.append(by_right)
        self.kinds.append(kind)
        return number

    def codes(self, first: int, last: int) -> Iterator[Array]:
        """The codes of all operands from ``first`` to ``last``, some at a time."""
        for low in range(first, last, _CHUNK):
            high = min(low + _CHUNK, last)
            yield np.array(self.left[low:high])
            yield np.array(self.right[low:high])

    def backwards(self, first: int, last: int) -> Iterator[Row]:
        """The entries from ``last - 1`` down to ``first``: number, kind, left, right, their factors."""
        for high in range(last, first, -_CHUNK):
            low = max(first, high - _CHUNK)
            columns = (self.kinds, self.left, self.right, self.by_left, self.by_right)
            parts = [reversed(column[low:high]) for column in columns]
            yield from zip(range(high - 1, low - 1, -1), *parts, strict=True)
