"""Does the loss change as its gradient says? A derivative that was lost on the way shows here."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.descent.landscape import Landscape, Vector

__all__ = ["agrees"]

_PROBES = 2
_CLOSE = 0.01


def agrees(landscape: Landscape, gradient: Vector, rng: np.random.Generator) -> bool:
    """Whether g·v is what differences of the loss give along random directions v of unit length.

    A lost path leaves out a share of the derivative; corners that a small step crosses change little of it.
    """
    at = landscape.start
    h = landscape.epsilon ** (1 / 4) * max(1.0, float(np.linalg.norm(at)) / math.sqrt(at.size))
    for _ in range(_PROBES):
        v = rng.standard_normal(at.size)
        v /= np.linalg.norm(v)
        near, far = ((landscape.loss(at + s * v) - landscape.loss(at - s * v)) / (2 * s) for s in (h, 2 * h))
        told = float(gradient @ v)
        off = 10 * (abs(near - far) + landscape.epsilon * abs(landscape.loss(at)) / h)
        if math.isfinite(near) and abs(near - told) > off + _CLOSE * max(abs(near), abs(told)):
            return False
    return True
