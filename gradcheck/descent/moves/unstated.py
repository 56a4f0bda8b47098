"""GC407: beside the gradient, weight decay or momentum that was not stated moves the parameter."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm

__all__ = ["unstated"]

_NOTHING = 1e-6  # of the weight decay that was stated: none at all


def unstated(move: Move, _: Seen) -> Cause | None:
    """Δw = -a·g - b·w, or -a·g + b·v with v an array that stood there before the step."""
    direction = move.direction
    if direction is None or move.before.size < 3:
        return None
    if move.other_decay is not None and move.adaptive is not None:
        return _decay(move, move.lr, move.lr * (move.other_decay - move.weight_decay))
    for label, extra in (("", move.before), *move.buffers):
        fitted = _fit(move, direction, extra)
        if fitted is None:
            continue
        along, beside = fitted
        if label:
            return _momentum(move, label, along, beside)
        return _decay(move, along, beside)
    return None


def _fit(move: Move, direction: Array, extra: Array) -> tuple[float, float] | None:
    """(a, b) of Δw = -a·g - b·extra, where both are needed and explain all of it."""
    lengths = norm(direction), norm(extra)
    if not lengths[1] or extra.shape != direction.shape:
        return None
    columns = (
        [(direction / lengths[0]).ravel(), (extra / lengths[1]).ravel()] if lengths[0] else [extra.ravel() / lengths[1]]
    )
    solution, *_ = np.linalg.lstsq(np.stack(columns, axis=1), -move.delta.ravel(), rcond=None)
    made = -sum(c * column for c, column in zip(solution, columns, strict=True))
    if not move.fits(np.reshape(made, move.before.shape)):
        return None
    along = float(solution[0]) / lengths[0] if lengths[0] else 0.0
    beside = float(solution[-1]) / lengths[1]
    if abs(beside) * lengths[1] <= 4 * move.rounding + 1e-9 * norm(move.delta):
        return None
    return along, beside


def _decay(move: Move, along: float, beside: float) -> Cause | None:
    decay = beside / move.lr
    rate = along / move.lr if along else 1.0
    if abs(rate - 1) > max(1e-3, move.limit) or not 0 < abs(decay) < 1e3:
        return None
    stated = move.weight_decay
    whole = stated + decay
    if stated and abs(whole) <= max(_NOTHING, move.limit) * stated:
        return _without_decay(move)
    word = f"{whole:.4g}" if stated else f"{decay:.4g}"
    of = f"d {{}}·w), with d what {move.adaptive.rule} makes of g" if move.adaptive else "g {}·w)"
    if decay > 0 or whole > 0:
        cause = f"Δw = -lr·({of.format(f'+ {word}')}" + (f", and weight_decay={stated:g} was stated" if stated else "")
        title = "{names} [shrink|shrinks] by weight decay of " + f"{word} that was not stated"
        if stated:
            title = "{names} [have|has] a weight decay of " + f"{word}, not {stated:g}"
    else:
        cause = f"Δw = -lr·({of.format(f'- {-whole:.4g}')}"
        title = "{names} [grow|grows] by " + f"{-whole:.4g} times themselves"
    return Cause(
        "GC407",
        "warning" if whole > 0 else "error",
        f"decay {whole:.3g}",
        title,
        (cause,),
        (f"{move.name}: with this term the move is explained to within rounding",),
        (
            f"state it, weight_decay={whole:.4g}, if it is meant"
            if whole > 0
            else "change the sign of the weight decay",
        ),
    )


def _without_decay(move: Move) -> Cause:
    stated = move.weight_decay
    return Cause(
        "GC407",
        "error",
        f"without decay {stated:g}",
        "{names} [move|moves] without the weight decay of " + f"{stated:g} that was stated",
        (f"Δw = -lr·{'d, with d what ' + move.adaptive.rule + ' makes of g' if move.adaptive else 'g'}",),
        (f"{move.name}: without this term the move is explained to within rounding",),
        (f"add {stated:g}·w to the gradient, or take weight_decay= away",),
    )


def _momentum(move: Move, label: str, along: float, beside: float) -> Cause | None:
    rate = along / move.lr
    if abs(rate - 1) > max(1e-3, move.limit):
        return None
    factor = -beside if abs(beside) <= 1 and abs(-beside) > abs(move.lr) else beside / move.lr
    return Cause(
        "GC407",
        "warning",
        f"momentum {factor:.3g}",
        "{names} [move|moves] by momentum that was not stated",
        (f"Δw = -lr·g {-beside:+.4g}·{label}, and {label} was not zero before the step",),
        (f"{move.name}: with this term the move is explained to within rounding",),
        (f"state it, momentum={abs(factor):.4g}, if it is meant",),
    )
