"""Which of the gradients that were at hand belong to the step: those known before it, or those that it left."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck.descent.moves.move import Move
from gradcheck.difference import norm

__all__ = ["belonging"]

_ALIKE = 1e-6  # nothing to choose by


def belonging(candidates: Sequence[Mapping[str, Move]]) -> int:
    """Which of them: the one by which most parameters moved as they should, else of which multiples come closest.

    A step that computes its own gradients leaves them behind; before it there were those of an earlier one, zeros, or
    none. One that is given its gradients may scale them or set them to zero.
    """
    best, found = None, 0
    for k, moves in enumerate(candidates):
        if not any(m.gradient is not None and np.any(m.gradient) for m in moves.values()):
            continue
        right = sum(m.is_multiple_by(1.0) for m in moves.values())
        score = (-right, _left(moves))
        if best is None or score[0] < best[0] or (score[0] == best[0] and score[1] < best[1] - _ALIKE):
            best, found = score, k
    return found


def _left(moves: Mapping[str, Move]) -> float:
    """The share of all moves together that no multiple of each parameter's gradient explains."""
    rest, whole = 0.0, 0.0
    for move in moves.values():
        delta = move.delta
        if not np.all(np.isfinite(delta)):
            continue
        whole += norm(delta) ** 2
        rate = move.rate()
        rest += norm(delta if rate is None or move.direction is None else delta + rate * move.direction) ** 2
    return (rest / whole) ** 0.5 if whole else 0.0
