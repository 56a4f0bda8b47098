"""GC404: the step is applied twice, or more often."""

from __future__ import annotations

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen

__all__ = ["twice"]


def twice(move: Move, seen: Seen) -> Cause | None:
    """Two lines or more move the parameter (or one line, twice), the first of them by -lr·g already."""
    timeline = seen.timeline
    changes = timeline.of(move.name) if timeline is not None else []
    if len(changes) < 2 or move.direction is None or move.other_decay is not None:
        return None
    first = Move(move.name, move.dtype, move.epsilon, move.before, move.before + changes[0].delta, move.gradient,
                 move.lr, weight_decay=move.weight_decay, stock=move.stock)  # fmt: skip
    if not first.fits(-move.lr * move.direction):
        return None
    times, last = len(changes), changes[-1].where
    often = "twice" if times == 2 else f"{times} times"
    lines = list(dict.fromkeys(f"line {c.where.line}: {c.where.source}" for c in changes))
    same = move.is_multiple()
    as_known = f" as {move.adaptive.rule} makes it" if move.adaptive is not None else ""
    return Cause(
        "GC404",
        "error",
        often,
        "{names} [are|is] updated " + often + " in one step",
        (
            "the same gradient is taken away again"
            if same
            else f"the first update is -lr·g{as_known}; what follows comes on top of it",
        ),
        tuple(lines[:4]) if len(lines) > 1 else (f"each time at {lines[0]}",),
        ("update once: is the step called again from inside, or a parameter listed twice?",),
        last,
    )
