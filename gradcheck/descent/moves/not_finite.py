"""GC400: NaN or infinite entries after the step, or in the gradient before it."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen

__all__ = ["not_finite"]


def not_finite(move: Move, seen: Seen) -> Cause | None:
    """What is not finite: the gradient already, or only the weights after the step."""
    if move.gradient is not None and not np.all(np.isfinite(move.gradient)):
        said, advice = (
            "its gradient is not finite already",
            "find where the gradient comes from: gradcheck.watch names the line",
        )
    elif not np.all(np.isfinite(move.after)):
        said, advice = (
            "the gradient is finite: the update itself overflows, divides by zero or takes a root",
            "look at the update",
        )
    else:
        return None
    bad = int(np.count_nonzero(~np.isfinite(move.after)))
    timeline = seen.timeline
    change = next((c for c in timeline.of(move.name) if not np.all(np.isfinite(c.delta))), None) if timeline else None
    return Cause(
        "GC400",
        "error",
        said,
        "{names} [hold|holds] NaN or infinite entries after one step",
        (said,),
        (f"{move.name}: {bad} of {move.after.size} entries",),
        (advice,),
        change.where if change else None,
    )
