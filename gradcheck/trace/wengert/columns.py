"""The entries of a Wengert list, in columns of machine numbers that are read from their ends."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["LINEAR", "MINUS", "PICK", "PLUS", "PRODUCT", "SINGLE", "WIDE", "Columns", "Ends"]

Array = npt.NDArray[Any]

# a·left + b·right + a constant; the same with a = b = 1, and with a = -b = 1; left·right, two entries of sources, where
# their values are found again; a·left; one entry of an array; and operations on arrays, whose kind stands in a column
# of its own.
LINEAR, PLUS, MINUS, PRODUCT, SINGLE, PICK, WIDE = range(7)
_CHUNK = 4096


class Ends(NamedTuple):
    """How long the columns are at some time."""

    kinds: int
    codes: int
    factors: int
    more: int


class Columns:
    """For every entry its kind, and as many codes of operands, factors and other numbers as its kind has.

    A sum of two numbers takes 9 bytes, and so does a product of two entries of sources; any other product takes 25.
    Who goes through the entries backwards takes from the end of each column what belongs to the entry.
    """

    __slots__ = ("codes", "factors", "kinds", "more")

    def __init__(self) -> None:
        self.kinds = array("B")
        self.codes = array("i")
        self.factors = array("d")
        self.more = array("i")

    def __len__(self) -> int:
        return len(self.kinds)

    @property
    def ends(self) -> Ends:
        return Ends(len(self.kinds), len(self.codes), len(self.factors), len(self.more))

    def linear(self, left: int, by_left: float, right: int, by_right: float) -> int:
        """The number of a new entry: a sum of two numbers, each multiplied by its factor."""
        number = len(self.kinds)
        self.codes.append(left)
        self.codes.append(right)
        if by_left == 1.0 and (by_right == 1.0 or by_right == -1.0):
            self.kinds.append(PLUS if by_right == 1.0 else MINUS)
        else:
            self.factors.append(by_left)
            self.factors.append(by_right)
            self.kinds.append(LINEAR)
        return number

    def product(self, left: int, right: int) -> int:
        """The number of a new entry: the product of two entries of sources."""
        number = len(self.kinds)
        self.codes.append(left)
        self.codes.append(right)
        self.kinds.append(PRODUCT)
        return number

    def single(self, operand: int, factor: float) -> int:
        """The number of a new entry: a number multiplied by a factor."""
        number = len(self.kinds)
        self.codes.append(operand)
        self.factors.append(factor)
        self.kinds.append(SINGLE)
        return number

    def pick(self, wide: int, position: int) -> int:
        """The number of a new entry: the one at this position of the array that another entry is."""
        number = len(self.kinds)
        self.codes.append(wide)
        self.more.append(position)
        self.kinds.append(PICK)
        return number

    def wide(self, kind: int, codes: tuple[int, ...], factors: tuple[float, ...]) -> int:
        """The number of a new entry: an operation on arrays, with as many codes and factors as this kind has."""
        number = len(self.kinds)
        self.codes.extend(codes)
        self.factors.extend(factors)
        self.more.append(kind)
        self.kinds.append(WIDE)
        return number

    def codes_between(self, begin: Ends, end: Ends) -> Iterator[Array]:
        """The codes of all operands between two times, some at a time."""
        for low in range(begin.codes, end.codes, _CHUNK):
            yield np.array(self.codes[low : min(low + _CHUNK, end.codes)], np.int64)

    def backwards(
        self, end: Ends
    ) -> tuple[Callable[[int, int], Iterator[int]], Callable[[], int], Callable[[], float], Callable[[], int]]:
        """What gives the kinds of some entries, from the last to the first, and the next code, factor and number."""
        kinds = memoryview(self.kinds)
        return (
            lambda low, high: reversed(kinds[low:high]),
            reversed(memoryview(self.codes)[: end.codes]).__next__,
            reversed(memoryview(self.factors)[: end.factors]).__next__,
            reversed(memoryview(self.more)[: end.more]).__next__,
        )
