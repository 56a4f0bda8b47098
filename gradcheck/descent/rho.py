"""ρ = (L(w) - L(w - η·g)) / (η·‖g‖²): one number for a gradient and a step together, 1 where both are right."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.descent.landscape import Landscape, Vector

__all__ = ["Slope", "rho", "slope_along"]


@dataclass(frozen=True)
class Slope:
    """ρ for a step that goes to zero, ⟨∇L, g⟩ / ‖g‖², found from the loss alone, and how far it may be off."""

    value: float
    error: float
    sides: tuple[float, float]
    """The slopes to both sides, the smaller first: at a corner of the loss anything between is right."""


def rho(landscape: Landscape, gradient: Vector, lr: float, loss: float) -> float | None:
    """ρ of one step of ``lr``; None for a zero gradient, or where the loss is not finite after it."""
    square = float(gradient @ gradient)
    if square == 0 or not math.isfinite(square):
        return None
    with np.errstate(all="ignore"):
        after = landscape.loss(landscape.start - lr * gradient)
    return (loss - after) / (lr * square) if math.isfinite(after) else None


def slope_along(landscape: Landscape, gradient: Vector) -> Slope | None:
    """The limit of ρ, by differences to both sides at two steps: (L(w + hu) - L(w - hu)) / 2h‖g‖, u = g / ‖g‖."""
    length = float(np.linalg.norm(gradient))
    if length == 0 or not math.isfinite(length):
        return None
    unit, at = gradient / length, landscape.start
    h = landscape.epsilon ** (1 / 4) * max(1.0, float(np.linalg.norm(at)) / math.sqrt(at.size))

    def two_sided(h: float) -> float:
        return (landscape.loss(at + h * unit) - landscape.loss(at - h * unit)) / (2 * h)

    near, far = two_sided(h), two_sided(2 * h)
    here = landscape.loss(at)
    rounding = 8 * landscape.epsilon * abs(here) / h

    def one_sided(h: float) -> float:
        return (landscape.loss(at + h * unit) - here) / h

    ahead, behind = (2 * one_sided(s) - one_sided(2 * s) for s in (h, -h))
    sides = min(ahead, behind) / length, max(ahead, behind) / length
    return Slope((4 * near - far) / 3 / length, (abs(near - far) / 3 + rounding) / length, sides)
