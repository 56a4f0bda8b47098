"""The pieces in which one step moved a parameter, without those that are a weight decay on its own line."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.timeline import Change, Timeline
from gradcheck.difference import norm

__all__ = ["pieces"]


def pieces(move: Move, timeline: Timeline | None) -> list[Change]:
    """Its changes, in order, without those that shrink or grow it as a whole; one entry is a multiple of any other."""
    found = []
    weights = move.before
    for change in timeline.of(move.name) if timeline is not None else ():
        square = float(np.vdot(weights, weights))
        rest = change.delta - (float(np.vdot(weights, change.delta)) / square if square else 0.0) * weights
        if weights.size == 1 or norm(rest) > move.blur * norm(change.delta) + move.rounding:
            found.append(change)
        weights = weights + change.delta
    return found
