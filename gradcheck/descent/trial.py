"""A few steps of gradient descent from here, to see what the loss really does."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.descent.landscape import Landscape, Vector
from gradcheck.descent.patience import Patience

__all__ = ["losses_of_steps"]


def losses_of_steps(
    landscape: Landscape, gradient: Vector, lr: float, momentum: float, steps: int, patience: Patience
) -> list[float]:
    """The loss before and after each of ``steps`` steps with the true gradients.

    It ends where the loss is no longer finite, and after the first step where there is no time for more.
    """
    at, velocity = landscape.start.copy(), np.zeros_like(landscape.start)
    losses = [landscape.loss(at)]
    with np.errstate(all="ignore"):
        for k in range(steps):
            velocity = momentum * velocity + (gradient if k == 0 else landscape.gradient(at))
            at = at - lr * velocity
            losses.append(landscape.loss(at) if np.all(np.isfinite(at)) else math.inf)
            if not math.isfinite(losses[-1]) or not patience.is_left:
                break
    return losses
