"""GC403: the gradient is not zero and the parameter stays where it is: it was moved in a copy."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.seen import Cause, Seen
from gradcheck.difference import norm

__all__ = ["unmoved"]


def unmoved(move: Move, seen: Seen) -> Cause | None:
    """Why it did not move: lost in rounding, moved in a local variable, in a returned array, or not at all."""
    direction = move.direction
    if direction is None or norm(move.after - move.before) or not norm(direction):
        return None
    title = "{names} did not move"
    wanted = move.lr * direction
    if np.all(np.abs(wanted) <= 0.5 * move.epsilon * np.abs(move.before)):
        return Cause(
            "GC403",
            "error",
            "rounding",
            title,
            (f"lr·g is lost in the rounding of {move.dtype}: it is less than half of the weights' last digit",),
            (f"{move.name}: ‖lr·g‖ = {norm(wanted):.3g}, ‖w‖ = {norm(move.before):.3g}, ε = {move.epsilon:.1g}",),
            ("keep the weights in float32 and cast a copy for the forward, or take a larger learning rate",),
        )
    return _in_a_local(move, seen, title) or _returned(move, seen, title) or _nowhere(move, seen, title)


def _in_a_local(move: Move, seen: Seen, title: str) -> Cause | None:
    for made in seen.timeline.made if seen.timeline is not None else []:
        if made.value.shape == move.before.shape and _is_moved(move, made.value):
            source = made.where.source
            in_place = f"change the array in place: {made.name} -= ... or {made.name}[...] = ..."
            return Cause(
                "GC403",
                "error",
                f"local {made.name} {made.where.line}",
                title,
                (
                    f"{made.name} in {made.where.function} is bound to a new array that holds the moved weights; the "
                    "array that the network uses is left as it was",
                ),
                (f"after {source!r} the local variable {made.name} holds w - lr·g" if source else "",),
                (in_place, "or put the new array back where the network reads it: params[i] = ..., self.W = ..."),
                made.where,
            )
    return None


def _returned(move: Move, seen: Seen, title: str) -> Cause | None:
    if not any(value.shape == move.before.shape and _is_moved(move, value) for _, value in seen.steps[0].returned):
        return None
    return Cause(
        "GC403",
        "error",
        "returned",
        title,
        ("the step returns the new weights, and nothing stores them",),
        (),
        ("assign what it returns: net.W = step(...), or change the arrays in place",),
    )


def _nowhere(move: Move, seen: Seen, title: str) -> Cause:
    if move.name in seen.out_of_reach:
        return Cause(
            "GC403",
            "error",
            "out of reach",
            title,
            ("the step does not use this array: is it a copy of the one that it updates?",),
            (),
            ("give the very array that the step moves: params={...: net.W}, and no copy of it",),
        )
    others = [m.name for m in seen.moves.values() if norm(m.after - m.before)]
    said = (
        f"{', '.join(others[:4])} moved: is {move.name} missing from the list of what is updated?"
        if others
        else "nothing moved at all"
    )
    return Cause(
        "GC403",
        "error",
        "nowhere",
        title,
        (said,),
        (f"{move.name}: ‖lr·g‖ = {norm(move.lr * move.direction):.3g}" if move.direction is not None else "",),
        ("update every parameter: give the optimizer all of them, and the arrays that the network uses, not copies",),
    )


def _is_moved(move: Move, value: Array) -> bool:
    delta = value - move.before
    length = norm(delta)
    if not length or move.direction is None:
        return False
    g = norm(move.direction)
    rate = -float(np.vdot(move.direction / g, delta)) / g
    # from zero weights the gradient itself is a multiple, too, of the other sign
    return rate > 0 and norm(delta + rate * move.direction) <= 1e-3 * length + 2 * move.rounding
