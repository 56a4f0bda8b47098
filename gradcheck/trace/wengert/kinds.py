"""The kinds of entries that are operations on small arrays, told apart by operation and by the shapes involved.

A loop has few of them: an entry holds the number of its kind, and where in the source its operands begin.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from gradcheck.trace.wengert.codes import Part, Wide

__all__ = ["FIRST", "Kind", "Kinds", "Operand", "spread"]

Array = npt.NDArray[Any]
FIRST = 3

What = Literal["part", "wide", "number", "constant"]


class Operand(NamedTuple):
    """What stands at one side of an operation: shape and, in a source, strides in bytes.

    A number is one that varies; a constant may be a number or an array.
    """

    what: What
    shape: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return math.prod(self.shape)


class Kind(NamedTuple):
    """One operation on arrays of these shapes; the result's is () for a number."""

    name: Literal["sum", "difference", "product", "total", "dot"]
    left: Operand
    right: Operand
    shape: tuple[int, ...]


class Kinds:
    """All kinds that occur in one list, each with a number."""

    def __init__(self) -> None:
        self._numbers: dict[Kind, int] = {}
        self._kinds: list[Kind] = []

    def number(self, kind: Kind) -> int:
        """The number of ``kind``, a new one where it has none."""
        found = self._numbers.get(kind)
        if found is None:
            found = self._numbers[kind] = FIRST + len(self._kinds)
            self._kinds.append(kind)
        return found

    def __getitem__(self, number: int) -> Kind:
        return self._kinds[number - FIRST]


NUMBER = Operand("number")
CONSTANT = Operand("constant")


def operand_of(light: Part | Wide, shape: tuple[int, ...]) -> Operand:
    """How an array of this shape is found again."""
    return Operand("part", shape, light.positions.strides) if type(light) is Part else Operand("wide", shape)


def spread(gradient: Array | float, shape: tuple[int, ...], to: Operand) -> Array | float:
    """The gradient of an operand that was broadcast to ``shape``: the sum over what its entries became.

    A number stands for an array all of whose entries it is.
    """
    if to.shape == shape:
        return gradient
    if not isinstance(gradient, np.ndarray):
        return gradient * (math.prod(shape) // to.size)
    if not to.shape:
        return float(gradient.sum())
    extra = len(shape) - len(to.shape)
    kept = tuple(axis for axis, length in enumerate(to.shape) if length == 1 and shape[axis + extra] != 1)
    summed = gradient.sum(axis=(*range(extra), *(axis + extra for axis in kept)), keepdims=False)
    return np.asarray(summed).reshape(to.shape)
