"""Entries of a move at a corner of the loss: every value between the slopes to both sides is right there."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.landscape import Landscape
from gradcheck.descent.moves.move import Array, Move, rounding_of

__all__ = ["taken_at_corners"]

_MOST = 200  # entries that are looked at one by one
_STEP = 1e-6
_CLOSE = 1e-4


def taken_at_corners(move: Move, landscape: Landscape, start: int) -> int:
    """Where the move fits a slope between those to both sides, put that slope into the gradient of ``move``.

    A unit of a ReLU whose input is exactly 0 has no one derivative; autograd takes one, the network another.

    Args:
        move: one that is not -lr times autograd's gradient.
        landscape: the loss.
        start: where the parameter begins in the vector of all of them.

    Returns:
        How many entries these are; 0 where some entry that differs is at no corner, and the move is left as it is.
    """
    if move.gradient is None or move.direction is None or not np.all(np.isfinite(move.delta)):
        return 0
    implied: Array = -move.delta / move.lr - (move.direction - move.gradient)
    size = max(float(np.abs(move.gradient).max()), 1e-300)
    close = max(rounding_of(move.epsilon, move.before.size), move.rounding / abs(move.lr) / size)
    differing = np.flatnonzero(np.abs(implied - move.gradient).ravel() > 4 * close * size)
    if not 0 < differing.size <= _MOST:
        return 0
    at, here = landscape.start, landscape.loss(landscape.start)
    for k in differing:
        h = np.zeros_like(at)
        h[start + k] = _STEP * max(1.0, abs(float(at[start + k])))
        length = float(h[start + k])
        slopes = sorted([(landscape.loss(at + h) - here) / length, (here - landscape.loss(at - h)) / length])
        slack = _CLOSE * max(size, abs(slopes[0]), abs(slopes[1]))
        if slopes[1] - slopes[0] < slack or not slopes[0] - slack <= implied.ravel()[k] <= slopes[1] + slack:
            return 0
    taken = move.gradient.copy().ravel()
    taken[differing] = implied.ravel()[differing]
    move.gradient = taken.reshape(move.gradient.shape)
    return int(differing.size)
