"""A loss as a function of all parameters in one vector: value, gradient, and products with the Hessian."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["Landscape", "Vector", "differences", "joined", "parted"]

Vector = np.ndarray[Any, np.dtype[np.float64]]
Array = np.ndarray[Any, Any]


def joined(parts: Mapping[str, Array] | Sequence[Array]) -> Vector:
    """Arrays one after another as one float64 vector."""
    arrays = parts.values() if isinstance(parts, Mapping) else parts
    return np.concatenate([np.asarray(a, dtype=np.float64).ravel() for a in arrays])


def parted(vector: Vector, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, Vector]:
    """The arrays that :func:`joined` made a vector of."""
    found, start = {}, 0
    for name, shape in shapes.items():
        size = int(np.prod(shape, dtype=np.int64))
        found[name] = vector[start : start + size].reshape(shape)
        start += size
    return found


class Landscape(ABC):
    """A loss at any weights; every evaluation starts from the same state and seed, and leaves everything as it was."""

    shapes: dict[str, tuple[int, ...]]
    start: Vector
    """The weights as they are."""
    epsilon: float
    """The precision that gradients are computed in."""
    style: str
    notes: list[str]
    counts: dict[str, int]

    @abstractmethod
    def loss(self, at: Vector) -> float:
        """The value of the loss."""

    @abstractmethod
    def gradient(self, at: Vector) -> Vector:
        """The true gradient."""

    @abstractmethod
    def products(self, at: Vector) -> Callable[[Vector], Vector] | None:
        """v -> H v by differentiating twice; None where that cannot be done."""

    @abstractmethod
    def restore(self) -> None:
        """Leave everything of the user's as it was."""


def differences(landscape: Landscape, at: Vector) -> Callable[[Vector], tuple[Vector, float]]:
    """v -> H v from two gradients beside each other, with how far it may be off.

    (g(w + hv) - g(w - hv)) / 2h is off by O(h²); with twice the step four times as much, so that a third of the
    difference of the two is what is left, and (4 D(h) - D(2h)) / 3 is closer still.
    """
    step = landscape.epsilon ** (1 / 4) * max(1.0, float(np.linalg.norm(at)) / np.sqrt(at.size))

    def slope(v: Vector, h: float) -> Vector:
        made: Vector = (landscape.gradient(at + h * v) - landscape.gradient(at - h * v)) / (2 * h)
        return made

    def product(v: Vector) -> tuple[Vector, float]:
        unit = max(1.0, float(np.abs(v).max(initial=0.0)))
        near, far = slope(v, step / unit), slope(v, 2 * step / unit)
        return (4 * near - far) / 3, float(np.linalg.norm(near - far)) / 3

    return product
