"""A learning rate of 0 inside the product that makes the gradient: ``W -= lr * h.T @ d`` is ``(lr * h.T) @ d``.

It is one where it stands in the statement of the product; a factor of 0 elsewhere is part of the gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.watching.arrays.graph import Node
from gradcheck.watching.arrays.operands import made_by, number

__all__ = ["is_zeroed", "without_zero"]

Array = np.ndarray[Any, Any]


def is_zeroed(node: Node, within: Node) -> bool:
    """Whether it multiplies an array by a number that is 0, in the statement of the other."""
    return node.statement == within.statement and _multiplied(node) is not None


def without_zero(node: Node) -> Array | None:
    """What a product or a sum of zeros would be, had an operand not been multiplied by 0; None where none was.

    To be asked as soon as the operation was made: its operands may be written over later.
    """
    if np.any(node.output):
        return None
    inputs = list(node.inputs)
    for position, value in enumerate(inputs):
        maker = made_by(node, value)
        plain = _multiplied(maker) if maker is not None and maker.statement == node.statement else None
        if maker is not None and plain is not None:
            shown = _seen_as(plain, maker.output, value)
            if shown is not None:
                inputs[position] = shown
    if all(now is before for now, before in zip(inputs, node.inputs, strict=True)):
        return None
    made = np.asarray(node.event.function(*inputs, **node.event.keywords))
    return made if made.shape == node.shape else None


def _multiplied(node: Node) -> Array | None:
    """The array that is multiplied by 0."""
    if node.operation != "multiply" or node.event.in_place or len(node.inputs) != 2:
        return None
    arrays = [value for value in node.inputs if isinstance(value, np.ndarray) and value.ndim]
    zeros = [value for value in node.inputs if number(value) == 0.0]
    return arrays[0] if len(arrays) == 1 and len(zeros) == 1 else None


def _seen_as(plain: Array, scaled: Array, value: Array) -> Array | None:
    """``plain`` as ``value`` is of ``scaled``: itself, or transposed."""
    if value.shape == scaled.shape and value.strides == scaled.strides:
        return plain
    return plain.T if value.shape == scaled.shape[::-1] and value.strides == scaled.strides[::-1] else None
