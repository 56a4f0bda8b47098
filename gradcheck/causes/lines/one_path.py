"""One of the inputs of an operation gets nothing back, or the wrong multiple."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.candidate import Sized
from gradcheck.causes.case import Case
from gradcheck.causes.factors import is_multiple, is_odd
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one input is dropped, or multiplied by a constant."""
    k = spot.k
    if k is None:
        return
    text, operand = spot.place.text, spot.operand
    dropped = Hypothesis(
        "GC236",
        f"lacks what goes back through {text} to {operand}",
        (f"{operand} is used in {text}, and your backward does not follow it there",),
        (f"add what goes back through {text} to {operand}",),
        f"nothing back to {operand} in {text}",
        cost=0.98,
    )
    yield from spot.once(dropped, functools.partial(_changes, spot.place, k, 0.0))
    factor = spot.stage.scale(spot.without, spot.stage.prediction)
    if not is_multiple(factor):
        return
    found = spot.factor(factor)
    scaled = Hypothesis(
        "GC231",
        f"has what goes back through {text} to {operand} {found.shown} times{found.meaning}",
        (f"your backward multiplies what goes back to {operand} by {found.shown}{found.meaning}",),
        (found.help,) if found.help else (),
        f"{operand} in {text} times a constant",
        cost=2.6 if is_odd(found, factor) else 1.5,
        size=Sized(factor, found.meaning, functools.partial(_factor_at, spot.place, k)),
    )
    yield from spot.once(scaled, functools.partial(_changes, spot.place, k, factor))


def _factor_at(place: Place, k: int, case: Case) -> float | None:
    changes = _changes(place, k, 0.0, case)
    if case.recording is None or changes is None:
        return None
    return case.times_of(case.recording.gradients(changes), case.true)


def _changes(place: Place, k: int, factor: float, case: Case) -> dict[int, Change] | None:
    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        own = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
        return Flow(to={j: g * factor if j == gate.number(k) else g for j, g in own.items()})

    return all_changed(place.gates(case), change)
