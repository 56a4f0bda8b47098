"""Momentum that was stated: what of a move it explains, from the array in which it is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.descent.moves.move import Array, Move
from gradcheck.descent.moves.weights import Parameter, plain
from gradcheck.state import State

__all__ = ["Beside", "carried_on", "with_momentum"]

_MOST_ENTRIES = 4_000_000


class Beside:
    """Float arrays beside the parameters: as they stood when this was made, and as they stand when asked for.

    ``at_first`` has them by the place that holds each.
    """

    def __init__(self, state: State, parameters: Collection[Parameter]) -> None:
        self.at_first = _arrays_beside(state, [p.original for p in parameters], {p.shape for p in parameters})
        self._slots = [slot for slot in state.slots if slot.path in self.at_first]

    def now(self) -> dict[str, Array]:
        """Those that can still be found by their places."""
        held = ((slot.path, slot.get()) for slot in self._slots)
        return {path: plain(value) for path, value in held if hasattr(value, "shape")}


def _arrays_beside(state: State, own: Sequence[object], shapes: set[tuple[int, ...]]) -> dict[str, Array]:
    """Float arrays of these shapes that are no parameters, as they stand now, by the place that holds each."""
    places = {id(slot.get()): slot.path for slot in state.slots}
    ids = {id(value) for value in own}
    found: dict[str, Array] = {}
    room = _MOST_ENTRIES
    for k, value in enumerate((*state.arrays, *state.tensors)):
        floating = value.dtype.kind == "f" if isinstance(value, np.ndarray) else value.is_floating_point()
        if id(value) in ids or not floating or tuple(value.shape) not in shapes:
            continue
        room -= int(np.prod(value.shape))
        if room < 0:
            break
        held = plain(value)
        if held.any() and np.all(np.isfinite(held)):
            found[places.get(id(value), f"the optimizer's buffer {k}")] = held
    return found


def with_momentum(move: Move) -> str | None:
    """Find what the momentum β adds to -lr·g and put it into ``move``; its kind, or None where nothing fits.

    With v the velocity before the step: torch keeps v ← βv + g and takes lr·v, others v ← βv - lr·g and add it.
    Nesterov's form looks one step ahead: lr·(g + βv), with the new v. From a zero velocity the first step is lr·g.
    """
    direction = move.direction
    if not move.momentum or direction is None:
        return None
    if move.fits(-move.lr * direction):
        return None  # the first step, from a zero velocity
    apart = [(f"{said} with its weight decay apart,", part) for said, part in _parts(move, move.gradient)]
    parts: list[tuple[str, Array]] = [*_parts(move, direction), *(apart if move.weight_decay else ())]
    for said, part in parts:
        if move.fits(part - move.lr * direction):
            move.momentum_part = part
            return said
    if move.stock is not None and move.adaptive is None and move.fits(move.stock.delta):
        move.momentum_part = move.stock.delta + move.lr * direction
        return f"momentum {move.momentum:g}, as torch's {move.stock.rule} has it,"
    return None


def carried_on(move: Move, earlier: Move) -> Array:
    """What goes on of the step before: v ← βv + g, so that what it moved comes once more, times β.

    The weight decay may be in g, or apart, Δw = -lr·(v + λw) (Loshchilov and Hutter 2019): then it does not go on.
    """
    part: Array = move.momentum * (earlier.after - earlier.before)
    if move.weight_decay and move.direction is not None:
        apart = part + move.momentum * earlier.lr * earlier.weight_decay * earlier.before
        wanted = -move.lr * move.direction
        if replace(move, momentum_part=apart).fits(wanted) and not replace(move, momentum_part=part).fits(wanted):
            return apart
    return part


def _parts(move: Move, direction: Array | None) -> Iterator[tuple[str, Array]]:
    if direction is None:
        return
    beta, lr = move.momentum, move.lr
    for _, v in move.buffers:
        for velocity in (v, -lr * v):
            yield f"momentum {beta:g}, with the velocity that stood there,", beta * velocity
            yield (
                f"Nesterov momentum {beta:g}, with the velocity that stood there,",
                beta * (beta * velocity - lr * direction),
            )
    yield f"Nesterov momentum {beta:g}, from a zero velocity,", -lr * beta * direction
