"""What only the steps after the first show: momentum that begins at zero, gradients that add up, a step left out."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.moves.move import Array, Move, rounding_of
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm

__all__ = ["later_cause"]

_ONE = 1e-3


def later_cause(name: str, seen: Seen) -> Cause | None:
    """Why a parameter that moved by -lr·g at the first step did not at a later one; None where nothing fits.

    A move along the gradient by another rate is none of a fault here: the rate may decay.
    """
    previous = seen.moves[name]
    for k, moves in enumerate(seen.later, start=2):
        move = moves[name]
        if move.direction is None or not np.all(np.isfinite(move.after)) or not np.all(np.isfinite(move.direction)):
            return None
        if not move.is_multiple_by(1.0):
            return _explained(move, previous, move.direction, k, len(seen.later) + 1)
        previous = move
    return None


def _explained(move: Move, previous: Move, direction: Array, step: int, of: int) -> Cause | None:
    moved, before = move.after - move.before, previous.after - previous.before
    wanted = move.lr * direction
    if not norm(moved):
        return _left_out(move, step, of) if norm(wanted) > 4 * move.rounding else None
    if move.momentum:
        close = rounding_of(move.epsilon, move.before.size) * norm(wanted) + move.rounding
        return _not_applied(move, step) if norm(moved + wanted) <= close else None
    if move.is_multiple() or move.before.size < 3 or not norm(before):
        return None
    # Δw = -lr·g + β·(the move of the step before)
    rest = moved + wanted
    beta = float(np.vdot(before / norm(before), rest) / norm(before))
    close = rounding_of(move.epsilon, move.before.size) * (norm(wanted) + norm(rest)) + 2 * move.rounding
    if norm(rest - beta * before) > close or abs(beta) * norm(before) <= 4 * close:
        return None
    return _added_up(move, step) if abs(beta - 1) < _ONE + close / norm(before) else _momentum(move, step, beta)


def _left_out(move: Move, step: int, of: int) -> Cause:
    return Cause(
        "GC403",
        "warning",
        f"later {step}",
        "{names} [do|does] not move at " + f"step {step} of {of}",
        ("the first step moved by -lr·g; this one changes nothing, although there is a gradient",),
        (f"{move.name}: ‖lr·g‖ is {norm(move.lr * move.gradient) if move.gradient is not None else 0.0:.4g} there",),
        ("where gradients are collected over several calls on purpose, check the call that applies them",),
    )


def _not_applied(move: Move, step: int) -> Cause:
    return Cause(
        "GC407",
        "error",
        "later not applied",
        "{names} [move|moves] without the momentum of " + f"{move.momentum:g} that was stated",
        (f"step {step} moves by -lr·g alone: nothing of the step before comes back",),
        (),
        ("keep the velocity from step to step: v = momentum * v + g, w -= lr * v",),
    )


def _added_up(move: Move, step: int) -> Cause:
    return Cause(
        "GC336",
        "error",
        "later added up",
        "{names} [move|moves] by gradients that are added up from step to step: they are never set to zero",
        (f"step {step} moves by -lr times its gradient and that of the step before",),
        (f"{move.name}: with this term the move is explained to within rounding",),
        ("set the gradients to zero before each backward: optimizer.zero_grad()",),
    )


def _momentum(move: Move, step: int, beta: float) -> Cause:
    return Cause(
        "GC407",
        "warning",
        f"later momentum {beta:.3g}",
        "{names} [move|moves] by momentum that was not stated",
        (f"step {step} moves by -lr·g {beta:+.4g} times the move of the step before; the first began at zero",),
        (f"{move.name}: with this term the move is explained to within rounding",),
        (f"state it, momentum={abs(beta):.4g}, if it is meant",),
    )
