"""The verdict on each parameter's move."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck.descent.moves.move import Move
from gradcheck.difference import norm
from gradcheck.updates import UpdateResult

__all__ = ["judged", "without_rounding"]

_TOO_COARSE = 0.5
_ROUNDING = 100.0  # roundings of the largest gradient: sums over a batch leave some


def judged(move: Move) -> UpdateResult:
    """Right where Δw is -lr·g to within rounding; undecided where there is nothing to see."""
    base = UpdateResult(move.name, move.before.shape, move.dtype, "undecided", wanted_lr=move.lr)
    if not np.all(np.isfinite(move.after)):
        bad = int(np.count_nonzero(~np.isfinite(move.after)))
        return replace(base, verdict="wrong", reason=f"{bad} of {move.after.size} entries are NaN or infinite")
    moved = norm(move.after - move.before)
    base = replace(base, norm_update=moved)
    if move.gradient is None or move.direction is None:
        return replace(base, reason="no gradient of it is known" + (", and it moved" if moved else ""))
    length = norm(move.direction)
    if not math.isfinite(length):
        return replace(base, verdict="wrong", reason="its gradient has NaN or infinite entries")
    base = replace(base, norm_gradient=norm(move.gradient))
    if length == 0:
        if norm(move.delta) <= move.rounding:
            return replace(base, reason="its gradient is zero: there is nothing to see")
        return replace(base, verdict="wrong", reason="its gradient is zero, and it moved")
    rate, wanted, delta = move.rate() or 0.0, -move.lr * move.direction, norm(move.delta)
    error, limit = norm(move.delta - wanted) / norm(wanted), move.limit
    unexplained = norm(move.delta + rate * move.direction) / delta if delta else None
    base = replace(base, effective_lr=rate, relative_error=error, limit=limit, unexplained=unexplained)
    if moved == 0:
        return replace(base, verdict="wrong", reason="it did not move")
    if error <= limit and limit >= _TOO_COARSE:
        share = norm(wanted) / max(norm(move.before), 1e-300)
        return replace(base, reason=f"lr·g, {share:.1g} of the weights, is lost in the rounding of {move.dtype}")
    return replace(base, verdict="right" if error <= limit else "wrong")


def without_rounding(results: Mapping[str, UpdateResult], moves: Mapping[str, Move]) -> dict[str, UpdateResult]:
    """Those again whose gradient is nothing but the rounding of the others', as a bias before batch normalisation has.

    They cannot be judged and need not be, as long as others are right.
    """
    if not any(r.verdict == "right" for r in results.values()):
        return {}
    together = math.hypot(*(r.norm_gradient for r in results.values() if r.norm_gradient is not None))
    found = {}
    for name, r in results.items():
        move, least = moves[name], _ROUNDING * moves[name].epsilon * together
        if r.verdict == "right" or not r.norm_gradient or r.norm_gradient > least or r.norm_update is None:
            continue
        if r.norm_update <= abs(move.lr) * least + move.rounding:
            reason = "its gradient is nothing but the rounding of the others"
            found[name] = replace(r, verdict="not differentiated", reason=reason)
    return found
