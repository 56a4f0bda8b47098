"""The steps after the first: one that began right may come to another end, and what went on shows only then."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np

from gradcheck.descent.moves.clipped import clipped_by_value
from gradcheck.descent.moves.judge import judged
from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.other_rate import rate_names
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.descent.moves.unstated import unstated
from gradcheck.difference import norm

__all__ = ["ADDED_UP", "later_cause"]

_NEAR = 1e-3
_LEAST = 0.05  # less is a weight decay, of weights that were zero before the first step


def later_cause(name: str, seen: Seen) -> tuple[int, Cause] | None:
    """Which of the later steps is the first not to be as it should, and why; None where all are, as far as is known.

    A learning rate may change from step to step; a step may not stop, turn round, or move by more than this gradient.
    """
    every = [moves[name] for moves in (seen.moves, *seen.later)]
    for k, (earlier, move) in enumerate(itertools.pairwise(every), start=2):
        if move.gradient is None or move.direction is None or not np.all(np.isfinite(move.direction)):
            return None
        if not np.all(np.isfinite(move.after)):
            said = "the gradient is finite: the update itself overflows, divides by zero or takes a root"
            title = "{names} [hold|holds] NaN or infinite entries after " + f"step {k}"
            return k, Cause("GC400", "error", f"later {k}", title, (said,), (), ("look at the update",))
        if judged(move).verdict != "wrong" or (move.stock is not None and _fits(move, move.stock.delta)):
            continue
        cause = _stopped(move, every, k) or _rate_alone(move, k)
        if cause is None and not _goes_on(move, seen, k):
            cause = _adds_up(move, every, k) or _momentum(move, earlier, k)
            cause = cause or _beside(move, seen) or _unknown(move, earlier, k)
        if cause is not None and cause is not _AS_STATED:
            return k, cause
    return None


def _whole(move: Move) -> Array:
    moved: Array = move.after - move.before
    return moved


def _fits(move: Move, predicted: Array, more: float = 0.0) -> bool:
    """Whether the whole move, with what momentum had to do with it, is ``predicted``."""
    length = norm(predicted)
    slack = move.blur * length + move.rounding + more
    return math.isfinite(length) and length > 0 and norm(_whole(move) - predicted) <= slack


def _multiple(move: Move) -> float | None:
    """The c of a whole move by -c times the gradient; None where it is no multiple."""
    direction = move.direction
    if direction is None or not (length := norm(direction)):
        return None
    rate = float(-np.vdot(direction / length, _whole(move)) / length)
    return rate if rate and _fits(move, -rate * direction) else None


def _goes_on(move: Move, seen: Seen, k: int) -> bool:
    """By gradient alone, with a learning rate that has changed: fallen, or to a value that stands around the step."""
    rate = _multiple(move)
    if rate is None or move.momentum or rate / move.lr <= 0:
        return False
    return rate / move.lr < 1 or bool(rate_names(seen, rate, max(1e-6, 2 * move.limit), k - 1))


def _stopped(move: Move, every: list[Move], k: int) -> Cause | None:
    if norm(_whole(move)) or move.direction is None or not norm(move.direction):
        return None
    still = " and ".join(str(j) for j, m in enumerate(every, start=1) if not norm(_whole(m)))
    return Cause(
        "GC403",
        "warning",
        f"later {still}",
        "{names} [do|does] not move at step " + f"{still} of {len(every)}",
        ("the first step moved by -lr·g; this one changes nothing, although there is a gradient",),
        (f"{move.name}: ‖lr·g‖ = {norm(move.lr * move.direction):.3g} in step {k}",),
        ("where gradients are collected over several calls on purpose, give a step that makes all of them",),
    )


def _rate_alone(move: Move, k: int) -> Cause | None:
    """Without the momentum that was stated, or the other way round."""
    rate = _multiple(move)
    if rate is None:
        return None
    if rate / move.lr < 0 and not move.momentum:
        return Cause(
            "GC401",
            "error",
            f"later {k}",
            "{names} [move|moves] up the gradient in step " + str(k),
            (f"the step adds lr·g where it should take it away: Δw = {-rate:+.4g}·g, and step 1 was right",),
            (),
            ("does the learning rate change its sign as it decays?",),
        )
    if not move.momentum or rate / move.lr <= 0 or not math.isclose(rate, move.lr, rel_tol=max(_NEAR, move.limit)):
        return None
    return Cause(
        "GC407",
        "error",
        f"never {move.momentum}",
        "{names} [move|moves] without the momentum of " + f"{move.momentum:g} that was stated",
        (f"step {k} is -lr·g alone: nothing of the step before it goes on",),
        (f"{move.name}: ‖Δw + lr·g‖ / ‖Δw‖ is rounding in step {k}",),
        ("keep the velocity between the steps (self.v = ...), one for each parameter, and move by it",),
    )


def _adds_up(move: Move, every: list[Move], k: int) -> Cause | None:
    """By the gradients of all steps so far: nobody sets them to zero."""
    parts = [m.gradient for m in every[:k] if m.gradient is not None]
    if move.momentum or len(parts) < k:
        return None
    total: Array = np.sum(parts, axis=0)
    if move.adaptive is not None:
        stock = move.asked(total) if move.asked is not None else None
        if stock is None or not _fits(move, stock.delta, stock.slack):
            return None
    elif not _fits(move, -move.lr * (total + move.weight_decay * move.before), move.rounding):
        return None
    said = f"{move.name}: -lr times the sum of {k} gradients explains step {k} to within rounding"
    return replace(ADDED_UP, evidence=(said,))


ADDED_UP = Cause(
    "GC336",
    "error",
    "added up",
    "{names} [move|moves] by gradients that are added up from step to step: they are never set to zero",
    ("each step after the first moves by its own gradient and by those before it once more",),
    (),
    ("set the gradients to zero before each backward: optimizer.zero_grad(), or dW = ... where it says dW += ...",),
)


def _beside(move: Move, seen: Seen) -> Cause | None:
    """What the first step could not show: decay of weights that were zero, a limit that was not reached."""
    if move.adaptive is not None:
        return unstated(move, seen) if move.other_decay is not None else None
    return unstated(move, seen) or clipped_by_value(move, seen)


def _momentum(move: Move, earlier: Move, k: int) -> Cause | None:
    """Δw = -lr·g + a·(the move before), with another a than was stated; or Nesterov's form of what was stated."""
    direction, before = move.direction, _whole(earlier)
    if direction is None or move.adaptive is not None or not (length := norm(before)):
        return None
    beta = move.momentum
    if beta and earlier.direction is not None:
        velocity = -(before / move.lr + earlier.direction) / beta
        decayed = move.weight_decay * move.before
        for apart in (0.0, decayed):  # the weight decay in what goes on, or beside it
            ahead = direction + beta * (beta * velocity + direction - apart)
            if _fits(move, -move.lr * ahead, 2 * move.rounding):
                return _AS_STATED
    left = _whole(move) + move.lr * direction
    factor = float(np.vdot(before / length, left) / length)
    blurred = 2 * move.rounding / length
    if not _LEAST < factor < 1.5 or not _fits(move, factor * before - move.lr * direction, move.rounding):
        return None
    if beta and abs(factor - beta) <= _NEAR + blurred:
        return _AS_STATED
    shown = f"{factor:.{3 if blurred < _NEAR else 2}g}"
    title = "{names} [move|moves] by momentum that was not stated"
    if beta:
        title = "{names} [have|has] a momentum of " + f"{shown}, not {beta:g}"
    return Cause(
        "GC407",
        "warning",
        f"later momentum {shown}",
        title,
        (f"step {k} is -lr·g and {shown} times the step before it; the first, from a zero velocity, is -lr·g",),
        (f"{move.name}: with this term step {k} is explained to within rounding",),
        (f"state it, momentum={shown}, if it is meant",),
    )


_AS_STATED = Cause("", "info", "as stated", "")


def _unknown(move: Move, earlier: Move, k: int) -> Cause:
    if earlier.direction is not None and norm(earlier.direction) and _fits(move, -move.lr * earlier.direction):
        return Cause(
            "GC409",
            "error",
            f"stale {k}",
            "{names} [move|moves] by the gradient of the step before",
            (f"step {k} takes the gradient of step {k - 1} away again",),
            (f"{move.name}: -lr times the gradient of step {k - 1} explains step {k} to within rounding",),
            ("compute the gradient anew in each step",),
        )
    rule = move.adaptive.rule if move.adaptive is not None else ""
    said = f"the first step is what {rule} does" if rule else "the first step is -lr·g"
    return Cause(
        "GC409",
        "warning",
        f"later {k}",
        "{names} [move|moves] otherwise in step " + f"{k} than in the first",
        (f"{said}, and step {k} is not",),
        (f"{move.name}: rel. error {judged(move).relative_error or math.nan:.2g} in step {k}",),
        ("where each call takes other data than the loss sees, give steps=1; else compare the steps after the first",),
        is_undecided=True,
    )
