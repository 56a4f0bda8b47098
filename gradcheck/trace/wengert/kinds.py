"""The kinds of entries that are operations on small arrays, told apart by operation and by the shapes involved.

A loop has few of them: an entry holds the number of its kind, and where in the source its operands begin.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["FIRST", "Kind", "Kinds", "Operand", "spread"]

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Name = Literal["sum", "difference", "product", "total", "dot"]
What = Literal["part", "wide", "number", "constant", "nothing"]

FIRST = 3


class Operand(NamedTuple):
    """What stands at one side of an operation: shape and, in a source, strides in bytes.

    A number is one that varies; a constant may be a number or an array; nothing stands beside what is summed up.
    """

    what: What
    shape: Shape = ()
    strides: Shape = ()

    @property
    def has_code(self) -> bool:
        """Whether an entry holds a code of it: whether it varies."""
        return self.what in ("part", "wide", "number")

    @property
    def has_factor(self) -> bool:
        """Whether an entry holds its value: a number's; that of an array is found in the source, or kept."""
        return self.what == "number" or (self.what == "constant" and not self.shape)


class Kind(NamedTuple):
    """One operation on arrays of these shapes; the result's is () for a number.

    ``is_bare``: an entry holds two codes and no factors.
    """

    name: Name
    left: Operand
    right: Operand
    shape: Shape
    is_bare: bool


class Kinds:
    """All kinds that occur in one list, and all their operands, each with a number."""

    def __init__(self) -> None:
        self._kinds: list[Kind] = []
        self._numbers: dict[tuple[Name, int, int], int] = {}
        self._operands: list[Operand] = []
        self._operand_numbers: dict[tuple[Any, Any], int] = {}

    def operand(self, what: What, shape: Shape = (), strides: Shape = ()) -> int:
        """The number of an operand."""
        key = (shape, strides or what)
        found = self._operand_numbers.get(key)
        if found is None:
            found = self._operand_numbers[key] = len(self._operands)
            self._operands.append(Operand(what, shape, strides))
        return found

    def kind(self, name: Name, left: int, right: int, shape: Shape) -> int:
        """The number of an operation on two operands, whose result has this shape."""
        key = (name, left, right)
        found = self._numbers.get(key)
        if found is None:
            found = self._numbers[key] = FIRST + len(self._kinds)
            both = self._operands[left], self._operands[right]
            is_bare = all(operand.has_code and not operand.has_factor for operand in both)
            self._kinds.append(Kind(name, *both, shape, is_bare))
        return found

    def __getitem__(self, number: int) -> Kind:
        return self._kinds[number - FIRST]


def spread(gradient: Array | float, shape: Shape, to: Shape) -> Array | float:
    """The gradient of an operand of shape ``to`` that was broadcast to ``shape``: sums over what its entries became.

    A number stands for an array all of whose entries it is.
    """
    if to == shape:
        return gradient
    if not isinstance(gradient, np.ndarray):
        return gradient * (math.prod(shape) // math.prod(to))
    extra = len(shape) - len(to)
    kept = tuple(axis + extra for axis, length in enumerate(to) if length == 1 and shape[axis + extra] != 1)
    return np.asarray(gradient.sum(axis=(*range(extra), *kept))).reshape(to)
