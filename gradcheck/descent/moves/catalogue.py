"""The rules that say why a parameter moved otherwise than by -lr·g, in the order in which they are asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gradcheck.descent.moves.adaptive_fault import adaptive_fault
from gradcheck.descent.moves.clipped import clipped_by_value
from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.no_multiple import like_sign, no_multiple
from gradcheck.descent.moves.not_finite import not_finite
from gradcheck.descent.moves.other_rate import other_rate
from gradcheck.descent.moves.other_variable import other_variable
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.descent.moves.too_early import too_early
from gradcheck.descent.moves.twice import twice
from gradcheck.descent.moves.unmoved import unmoved
from gradcheck.descent.moves.unstated import unstated
from gradcheck.descent.moves.wrong_sign import wrong_sign
from gradcheck.report import Finding

__all__ = ["RULES", "STEP_RULES", "cause_of"]

Rule = Callable[[Move, Seen], "Cause | None"]

# what is more particular comes first: the first that fits is taken
RULES: tuple[Rule, ...] = (
    not_finite,
    unmoved,
    wrong_sign,
    twice,
    other_rate,
    unstated,
    clipped_by_value,
    adaptive_fault,
    like_sign,
    too_early,
    no_multiple,
)

STEP_RULES: Sequence[Callable[[Seen], Finding | None]] = (other_variable,)
"""Rules that look at several steps, whatever became of the first."""


def cause_of(move: Move, seen: Seen) -> Cause | None:
    """Why the parameter did not move by -lr·g."""
    return next((cause for rule in RULES if (cause := rule(move, seen)) is not None), None)
