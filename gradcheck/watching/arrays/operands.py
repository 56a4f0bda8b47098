"""The operands of a NumPy operation: numbers, and what made the arrays among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradcheck.watching.arrays.events import root
from gradcheck.watching.arrays.graph import Node

__all__ = ["is_elementwise", "made_by", "memory_of", "number", "operand", "shares"]

Array = np.ndarray[Any, Any]

_ELEMENTWISE = frozenset(
    (
        *("add", "subtract", "multiply", "divide", "true_divide", "negative", "positive", "square", "sqrt", "cbrt"),
        *("absolute", "power", "float_power", "maximum", "minimum", "fmax", "fmin", "clip", "where", "sign"),
        *("reciprocal", "setitem", "copy", "astype", "copyto", "nan_to_num", "array", "asarray", "reshape", "ravel"),
    )
)


def number(value: object) -> float | None:
    """A plain number, also one in an array of one entry; None for anything else."""
    if isinstance(value, bool | int | float | np.number):
        return float(value) if not isinstance(value, complex | np.complexfloating) else None
    if isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiub":
        return float(value)
    return None


def operand(node: Node) -> Array | None:
    """The first operand that is an array with entries."""
    return next((np.asarray(v) for v in node.inputs if isinstance(v, np.ndarray) and v.ndim), None)


def is_elementwise(node: Node) -> bool:
    """Whether each entry of the result comes from the entries at the same place."""
    return node.operation in _ELEMENTWISE


def made_by(node: Node, value: object) -> Node | None:
    """The operation that made this input, in this step."""
    if not isinstance(value, np.ndarray | np.generic):
        return None
    wanted = memory_of(value)
    found = [parent for parent in node.parents if parent.key == wanted]
    return found[-1] if found else None


def memory_of(value: object) -> int:
    """A key for the memory that an operand lies in."""
    return id(root(value)) if isinstance(value, np.ndarray) else id(value)


def shares(values: Iterable[object], array: Array) -> bool:
    """Whether the array, in its own shape, is among the operands."""
    return any(
        isinstance(v, np.ndarray) and v.shape == array.shape and memory_of(v) == memory_of(array) for v in values
    )
