"""GC401: the parameter moves up the gradient."""

from __future__ import annotations

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause, Seen

__all__ = ["wrong_sign"]


def wrong_sign(move: Move, seen: Seen) -> Cause | None:
    """Δw = +c·g."""
    rate = move.rate()
    if rate is None or not move.is_multiple() or rate / move.lr > 0:
        return None
    size = abs(rate / move.lr)
    timeline = seen.timeline
    changes = timeline.of(move.name) if timeline is not None else []
    much = "" if abs(size - 1) <= 2 * move.limit else f", {size:.4g} times as far as {move.unit}"
    helps = ["subtract: w -= lr * gradient; or is it the gradient that has the wrong sign already?"]
    if seen.settings.get("maximize"):
        helps = ["the optimizer is made with maximize=True: leave that out"]
    said = f"the step adds lr·g where it should take it away: Δw = {-rate:+.4g}·g"
    evidence = f"{move.name}: ‖Δw - {-rate:.4g}·g‖ / ‖Δw‖ is rounding"
    if move.adaptive is not None and move.adaptive.by_hand:
        said = f"the step adds what {move.adaptive.rule} takes away"
        evidence = f"{move.name}: the step turned round is explained to within rounding"
    return Cause(
        "GC401",
        "error",
        f"up{much}",
        "{names} [move|moves] up the gradient" + much,
        (said,),
        (evidence,) if move.before.size > 1 else (),
        tuple(helps),
        changes[0].where if changes and changes[0].where.line else None,
        likely=move.before.size == 1,
    )
