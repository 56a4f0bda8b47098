"""Which of the gradients that were at hand belong to the step: those known before it, or those that it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck.descent.moves.weights import Array
from gradcheck.difference import norm

__all__ = ["belonging"]


def belonging(candidates: Sequence[Mapping[str, Array]], moved: Mapping[str, Array]) -> dict[str, Array]:
    """The candidate of which multiples explain the moves best; the first where several do.

    A step that computes its own gradients leaves them behind; before it there were those of an earlier one, zeros, or
    none. One that is given its gradients may scale them or set them to zero.
    """
    found = [dict(c) for c in candidates if c and any(np.any(g) for g in c.values())]
    if not found:
        return dict(next((c for c in candidates if c), {}))
    left = [_left(c, moved) for c in found]
    best = min(left)
    return next(c for c, rest in zip(found, left, strict=True) if rest <= best + 1e-6)


def _left(gradients: Mapping[str, Array], moved: Mapping[str, Array]) -> float:
    """The share of all moves together that no multiple of each parameter's gradient explains."""
    rest, whole = 0.0, 0.0
    for name, delta in moved.items():
        if not np.all(np.isfinite(delta)):
            continue
        g = gradients.get(name)
        length = 0.0 if g is None else norm(g)
        size = norm(delta) ** 2
        whole += size
        along = float(np.vdot(g / length, delta)) if g is not None and np.isfinite(length) and length else 0.0
        rest += max(size - along * along, 0.0)
    return (rest / whole) ** 0.5 if whole else 0.0
