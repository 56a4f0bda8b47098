"""Activations that are put together of exponentials, told by their values."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.watching.arrays.graph import Node
from gradcheck.watching.arrays.operands import is_elementwise, memory_of

__all__ = ["composed"]

Array = np.ndarray[Any, Any]

_CURVES = ("exp", "tanh")
_DEEPEST = 6  # operations between the exponential and the result
_TELLING = 1e-3


def composed(node: Node) -> str:
    """A logistic or tanh that is put together of exponentials: told by its values.

    What it is put together of is no activation by itself: 0.5 * (1 + tanh(z / 2)) is a logistic and no tanh.
    """
    inner = _within(node)
    if not any(made.operation in _CURVES for made in inner):
        return ""
    output = np.asarray(node.output)
    if output.dtype.kind != "f" or not output.size or np.isnan(output).all():
        return ""
    low, high = float(np.nanmin(output)), float(np.nanmax(output))
    # where all is saturated, a logistic, its derivative and 1 + exp(-z) look alike
    if not np.any((np.abs(output) > _TELLING) & (np.abs(output) < 1 - _TELLING)):
        return ""
    for source in _sources(inner, output.shape):
        for kind, least, function in (("logistic", 0.0, _logistic), ("tanh", -1.0, np.tanh)):
            # 1 - s is the logistic of -z, and part of a derivative
            sums = node.operation in ("add", "subtract")
            if (
                not (sums and kind == "logistic")
                and least <= low
                and high <= 1
                and np.allclose(output, function(source), rtol=1e-5, atol=1e-7, equal_nan=True)
            ):
                for made in inner:
                    made.kind = ""
                return kind
    return ""


def _within(node: Node) -> list[Node]:
    """The operations, entry by entry, on the way from exponentials to a result."""
    found: list[Node] = []
    level = list(node.parents)
    for _ in range(_DEEPEST):
        level = [
            made for made in level if made.shape == node.shape and (is_elementwise(made) or made.operation in _CURVES)
        ]
        found += [made for made in level if made not in found]
        level = [parent for made in level for parent in made.parents]
    return found


def _sources(inner: list[Node], shape: tuple[int, ...]) -> list[Array]:
    """What the exponentials were taken of, before it was negated, doubled or made positive."""
    found: dict[int, Array] = {}
    for made in inner:
        for value in made.inputs:
            if isinstance(value, np.ndarray) and value.shape == shape and value.dtype.kind == "f":
                found.setdefault(memory_of(value), value)
    return list(found.values())


def _logistic(z: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-z)))
