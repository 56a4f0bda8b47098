"""Is the loss a quadratic? Then what its curvature says here holds everywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradcheck.descent.landscape import Landscape, Vector
from gradcheck.descent.patience import Patience
from gradcheck.difference import norm

__all__ = ["is_quadratic"]

_SAME = 1e-6  # of what the gradient changes by
_FAR = 10.0
_NOISE = 1e3  # roundings that a gradient may be off by
_COARSE = 0.05


def is_quadratic(
    landscape: Landscape,
    gradient: Vector,
    product: Callable[[Vector], Vector],
    lr: float,
    rng: np.random.Generator,
    patience: Patience,
) -> bool | None:
    """Whether the gradient changes by H d, exactly, however far one goes: g(w + d) - g(w) = H d.

    Tried along the gradient as far as one step of ``lr``, and along random directions as long as the weights are and
    ten times as far. A network of ReLUs is a quadratic (of its last layer) only until one of them switches.

    None where gradients are so coarse (16-bit floats) that almost any change could be rounding, or where it takes too
    long to tell.
    """
    if _NOISE * landscape.epsilon > _COARSE:
        return None
    at = landscape.start
    long = max(1.0, norm(at))
    wanted = [-lr * gradient] if 0 < lr * norm(gradient) < 1e3 * long else []
    for reach in (0.5, 1.0, _FAR, -_FAR):
        d = rng.standard_normal(at.size)
        wanted.append(reach * long * d / norm(d))
    noise = _NOISE * landscape.epsilon
    for d in wanted:
        if not patience.is_left:
            return None
        with np.errstate(all="ignore"):
            there = landscape.gradient(at + d)
        curved = product(d)
        if not np.all(np.isfinite(there)):
            return False
        size = norm(curved) + noise / _SAME * norm(there)
        if norm(there - gradient - curved) > _SAME * max(size, 1e-300):
            return False
    return True
