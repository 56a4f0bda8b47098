"""NumPy arrays of bfloat16 (of the package ml_dtypes), held as float32 for the time of a check.

PyTorch's arrays of NumPy's kind, differences in float64, and NumPy's own functions (``einsum`` among them) know no such
dtype. The layer is run on the arrays as they were given once more at the end, see ``diagnosis/own_dtypes``.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol, TypeVar

import numpy as np

from gradcheck.state import State
from gradcheck.state.same_view import same_view

__all__ = ["Widened", "as_float32", "is_bfloat16", "widening"]

Array = np.ndarray[Any, Any]
_P = TypeVar("_P", bound="Held")


class Held(Protocol):
    """What keeps the arrays as float32 until it is closed: a problem."""

    def hold(self, widened: Widened) -> None:
        """Take charge of them."""


def is_bfloat16(array: Array) -> bool:
    """Whether it is an array of the dtype bfloat16, which another package than NumPy brings.

    Example:
        >>> is_bfloat16(np.ones(3, np.float32))
        False
    """
    return bool(array.dtype.kind == "V" and array.dtype.name == "bfloat16")


def as_float32(array: Array) -> Array:
    """The array, or its values as float32 where it is of bfloat16.

    Example:
        >>> as_float32(np.ones(3)).dtype
        dtype('float64')
    """
    return array.astype(np.float32) if is_bfloat16(array) else array


class Widened:
    """Every array of bfloat16 that ``roots`` reach stands there as float32, until :meth:`close`."""

    def __init__(self, *roots: object) -> None:
        state = State(*roots)
        self.held: dict[int, tuple[Array, np.dtype[Any]]] = {}
        """By the id of an array of float32: itself, and the dtype that it stands for."""
        bases: dict[int, Array] = {}
        new: dict[int, Array] = {}
        for array in state.arrays:
            if is_bfloat16(array):
                new[id(array)] = made = _view_of(array, bases)
                self.held[id(made)] = made, array.dtype
        stack = ExitStack()
        if new:
            stack.enter_context(state.substituted(lambda value: new.get(id(value), value)))
        # what is put back here must be put back also where a check ends before it has begun
        self.close = weakref.finalize(self, stack.close)

    def __deepcopy__(self, memo: Mapping[int, object]) -> Widened:
        return self

    def in_own_dtypes(self, values: Sequence[tuple[Array, Array]]) -> list[tuple[Array, Array]]:
        """What the arrays shall hold in the dtypes that they stand for; the others of these hold what they held."""
        given = {id(array) for array, _ in values}
        kept = [(array, array) for array, _ in self.held.values() if id(array) not in given]
        return [
            (array, value.astype(self.held[id(array)][1]) if id(array) in self.held else value)
            for array, value in (*values, *kept)
        ]


@contextmanager
def widening(*roots: object) -> Iterator[Callable[[_P], _P]]:
    """Hold what ``roots`` reach as float32 while a problem is made of it; the problem that is handed over keeps it so.

    Without the package no array can be of bfloat16, and nothing is looked through.
    """
    widened = Widened(*roots) if "ml_dtypes" in sys.modules else None

    def hold(problem: _P) -> _P:
        if widened is not None and widened.held:
            problem.hold(widened)
        return problem

    try:
        yield hold
    except BaseException:
        if widened is not None:
            widened.close()
        raise


def _view_of(array: Array, bases: dict[int, Array]) -> Array:
    """Of float32, and a view of the same array of float32 where ``array`` is a view."""
    owner = array
    while isinstance(owner.base, np.ndarray) and owner.base.dtype == array.dtype:
        owner = owner.base
    if id(owner) not in bases:
        bases[id(owner)] = owner.astype(np.float32, order="K")
    base = bases[id(owner)]
    return base if owner is array else same_view(array, owner, base)
