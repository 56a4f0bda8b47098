"""The derivative of an operation left out, or taken twice: what comes back is handed on as it is."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed, unary
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """The derivative by an input of the result's shape left out, or applied twice."""
    if any(g.operation.rule is None for g in spot.gates) or (spot.k is None and not unary(spot.gates)):
        return
    k = spot.gates[0].slots[0] if spot.k is None else spot.k
    if all(g.operation.result.numel() == 1 for g in spot.gates):
        return  # of a single number every derivative is a multiple: that is another family
    numbers = [(g, g.number(k)) for g in spot.gates]
    if any(j is not None and g.inputs[j].shape != g.operation.result.shape for g, j in numbers):
        return
    text, to = spot.place.text, f" by {spot.operand}" if spot.k is not None else ""
    if spot.k is not None:  # of one input it is another function, of the only one the family of these tells more
        out = Hypothesis(
            "GC232",
            f"lacks the derivative of {text}{to}",
            (f"your backward hands on what comes back to {text} unchanged",),
            (f"multiply what comes back by the derivative of {text}{to}",),
            f"derivative of {text} left out",
        )
        yield from spot.once(out, functools.partial(_changes, spot.place, k, 0))
    twice = Hypothesis(
        "GC234",
        f"has the derivative of {text}{to} twice",
        (f"your backward multiplies by the derivative of {text}{to} twice",),
        (f"apply the derivative of {text}{to} once",),
        f"derivative of {text} twice",
        cost=1.02,
    )
    yield from spot.once(twice, functools.partial(_changes, spot.place, k, 2))


def _changes(place: Place, k: int, count: int, case: Case) -> dict[int, Change] | None:
    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        number = gate.number(k)
        to = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
        if number is None:
            return Flow(to=to)
        handed = gradient
        for _ in range(count):
            again = gate.derivative(handed)[number]
            handed = torch.zeros_like(gradient) if again is None else again
        return Flow(to={**to, number: handed})

    return all_changed(place.gates(case), change)
