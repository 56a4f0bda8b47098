"""GC402: the move is a multiple of the gradient, by another learning rate than was given."""

from __future__ import annotations

import math

from gradcheck.causes.factors import factor
from gradcheck.descent.moves.clipped import clipped_by_norm
from gradcheck.descent.moves.move import Move, rounding_of
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm
from gradcheck.layers.spelling import is_rate_name

__all__ = ["other_rate", "rate_names"]


def other_rate(move: Move, seen: Seen) -> Cause | None:
    """Δw = -c·g with another c: which value it is, as far as the floats and sizes around the step tell."""
    rate = move.rate()
    if rate is None or not move.is_multiple() or rate / move.lr <= 0 or move.other_decay is not None:
        return None
    ratio = rate / move.lr
    close = max(1e-6, 2 * rounding_of(move.epsilon, move.before.size), 2 * move.rounding / (move.lr * _length(move)))
    named = [*rate_names(seen, rate, close)]
    told = factor(_rounded(ratio, close), "the step", dict(seen.sizes), None)
    simple = bool(told.meaning) or told.shown.lstrip("-").isdecimal() or "/" in told.shown
    if not named and not simple:
        clip = clipped_by_norm(move, seen, ratio, close)
        if clip is not None:
            return clip
    cause = [f"the learning rate that explains it is {rate:.6g}, not {move.lr:.6g}"]
    helps: list[str] = []
    if named:
        cause.append(f"{named[0]} is {rate:.6g}")
        helps.append(
            f"give lr={rate:.6g} if {named[0].split(' ')[0]} is meant; else let the update use the one that is"
        )
    elif told.meaning:
        cause.append(f"{told.shown} is{told.meaning.strip('() ').join((' ', ''))}")
        helps.append("the gradient or the step is divided (or multiplied) by that number: a mean here and a sum there?")
    elif math.isclose(ratio, 2, rel_tol=close):
        helps.append("is the step made twice, or the gradient added up twice (gradients not set to zero before)?")
    elif 0 < ratio < 1 and seen.moves and (decay := _one_less(seen, ratio, close)):
        cause.append(f"{told.shown} is 1 - {decay}")
        helps.append(f"the gradient enters a running mean with weight 1 - {decay}")
    else:
        helps.append("look for another factor in the update: a decayed or scaled learning rate, a mean taken twice")
    return Cause(
        "GC402",
        "error",
        f"{ratio:.6g}",
        "{names} [move|moves] by " + f"{told.shown} times {move.unit}",
        tuple(cause),
        (f"{move.name}: Δw = -{rate:.6g}·g" + (" to within rounding" if move.before.size > 1 else ", the only entry"),),
        tuple(helps),
        likely=move.before.size == 1,
    )


def rate_names(seen: Seen, rate: float, close: float, which: int = 0) -> list[str]:
    """The floats around that one of the steps that have this value, those called like learning rates first."""
    step = seen.steps[which]
    found = []
    for when, floats in (("", step.floats_before), (" after the step", step.floats_after)):
        for name, value in floats.items():
            if math.isclose(value, rate, rel_tol=close) and (not when or not math.isclose(
                step.floats_before.get(name, math.nan), rate, rel_tol=close
            )):  # fmt: skip
                found.append((not is_rate_name(name.rpartition(".")[2]), name + when))
    return [name for _, name in sorted(found, key=lambda pair: pair[0])]


def _one_less(seen: Seen, ratio: float, close: float) -> str:
    """The float β around the step of which 1 - β is the ratio, as ``net.beta = 0.9``; empty where there is none."""
    for name, value in seen.steps[0].floats_before.items():
        if 0 < value < 1 and math.isclose(1 - value, ratio, rel_tol=max(close, 1e-9)):
            return f"{name} = {value:g}"
    return ""


def _rounded(ratio: float, close: float) -> float:
    """The whole number, or one over it, that the ratio is to within rounding; else as many digits as it is known to."""
    for made in (float(round(ratio)), 1 / round(1 / ratio) if round(1 / ratio) else 0.0):
        if made and math.isclose(made, ratio, rel_tol=close):
            return made
    digits = max(2, min(6, round(-math.log10(close))))
    return float(f"{ratio:.{digits}g}")


def _length(move: Move) -> float:
    return norm(move.direction) if move.direction is not None else 1.0
