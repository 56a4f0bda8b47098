"""Of a loop only the last round counted, or the first: = where += was needed, a path through time cut."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

_ROUNDS = {"last": -1, "first": 0}


def trials(spot: Spot) -> Iterator[Trial]:
    """Nothing goes back through the other rounds: at all, or to one of the inputs."""
    if len(spot.gates) < 2:
        return
    text, k = spot.place.text, spot.k
    to = f" to {spot.operand}" if k is not None else ""
    for round_ in _ROUNDS:
        only = Hypothesis(
            "GC235",
            f"has only the {round_} round of the loop around {text}{to}",
            (f"your backward keeps what goes back through {text}{to} in the {round_} of {len(spot.gates)} rounds",),
            ("add up what goes back in every round: += in place of =",),
            f"the {round_} round of {text} alone",
            cost=1.0 if k is None else 1.05,
        )
        yield from spot.once(only, functools.partial(_changes, spot.place, round_, k))


def _changes(place: Place, round_: str, k: int | None, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    if len(gates) < 2:
        return None
    kept = gates[_ROUNDS[round_]]

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        if k is None:
            return Flow()
        own = enumerate(gate.derivative(gradient))
        return Flow(to={j: g for j, g in own if g is not None and j != gate.number(k)})

    return all_changed([g for g in gates if g is not kept], change)
