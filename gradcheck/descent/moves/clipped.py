"""GC408: the gradient was clipped before the step, by value or by norm."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm

__all__ = ["clipped_by_norm", "clipped_by_value"]


def clipped_by_value(move: Move, seen: Seen) -> Cause | None:
    """Δw = -lr·clip(g, -c, c), with c the largest |Δw| / lr."""
    direction = move.direction
    if direction is None or move.before.size < 3:
        return None
    limit = float(np.abs(move.delta).max()) / abs(move.lr)
    beyond = np.abs(direction) > limit * (1 + 1e-6)
    if (
        not beyond.any()
        or (beyond.all() and not _is_elsewhere(limit, move, seen))
        or not move.fits(-move.lr * np.clip(direction, -limit, limit))
    ):
        return None
    shown = _as_told(limit, seen)
    return Cause(
        "GC408",
        "warning",
        f"value {limit:.4g}",
        "{names} [move|moves] by the gradient clipped to ±" + shown,
        (f"entries beyond ±{shown} are cut off: the step has another direction than the gradient",),
        (
            f"{move.name}: {int(beyond.sum())} of {beyond.size} entries are clipped; "
            f"the largest is {np.abs(direction).max():.4g}",
        ),
        ("where that is meant, give the clipped gradients; where most entries are cut, mend their size instead",),
        is_undecided=False,
    )


def clipped_by_norm(move: Move, seen: Seen, ratio: float, close: float) -> Cause | None:
    """Δw = -lr·g·c/‖g‖ with c a round number, or one that the step uses; ‖g‖ of this gradient, or of all together."""
    if not 0 < ratio < 1 or move.direction is None:
        return None
    lengths = {m.name: norm(m.direction) for m in seen.moves.values() if m.direction is not None}
    together = math.hypot(*lengths.values())
    for over, length in (("all gradients together", together), (f"the gradient of {move.name}", lengths[move.name])):
        limit = ratio * length
        if _is_known(limit, close + 1e-6 / length, seen):
            return Cause(
                "GC408",
                "warning",
                f"norm {limit:.3g}",
                "{names} [move|moves] by the gradient clipped to a norm of " + f"{limit:.4g}",
                (f"the norm of {over} is {length:.4g}: the step is {ratio:.4g} times as long as lr·g",),
                (),
                ("where that is meant, give the clipped gradients; a norm that is cut at every step hides its size",),
            )
    return None


def _is_elsewhere(limit: float, move: Move, seen: Seen) -> bool:
    """Whether another parameter has entries that are cut off there, and others that are not: all cut is any sign(g)."""
    for other in seen.moves.values():
        if other.name == move.name or other.direction is None:
            continue
        cut = np.clip(other.direction, -limit, limit)
        some = 0 < int(np.count_nonzero(cut != other.direction)) < cut.size
        if some and other.fits(-other.lr * cut):
            return True
    return False


def _is_known(limit: float, close: float, seen: Seen) -> bool:
    two_digits = float(f"{limit:.2g}")
    tight = close < 1e-3
    return (tight and math.isclose(limit, two_digits, rel_tol=close)) or any(
        math.isclose(value, limit, rel_tol=close) for value in seen.steps[0].floats_before.values()
    )


def _as_told(limit: float, seen: Seen) -> str:
    for name, value in seen.steps[0].floats_before.items():
        if math.isclose(value, limit, rel_tol=1e-4):
            return f"{value:g} ({name})"
    return f"{limit:.4g}"
