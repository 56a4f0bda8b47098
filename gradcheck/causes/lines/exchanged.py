"""What goes back to two inputs of one operation exchanged: a mask the wrong way round, pieces in another order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

_CHOICES = {"where", "select"}
_PUT_TOGETHER = {"cat", "concat", "concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"}
_MOST = 6  # pairs: of four gates


def trials(spot: Spot) -> Iterator[Trial]:
    """For each two inputs of one shape; of the gradients that are not explained yet."""
    names = {g.operation.name for g in spot.gates}
    if spot.k is not None or len(names) != 1 or not names <= _CHOICES | _PUT_TOGETHER:
        return
    slots = [s for s in spot.gates[0].slots if all(s in g.slots for g in spot.gates)]
    text, left = spot.place.text, tuple(n for n in spot.affected if n in spot.stage.unexplained)
    for one, other in itertools.islice(itertools.combinations(slots, 2), _MOST):
        if names <= _CHOICES:
            title = f"has the choice of {text} the wrong way round"
            does = f"your backward gives one branch of {text} what comes back where the other one was taken"
            help_ = "give each branch what comes back where it was taken: the mask for one, ~mask for the other"
        else:
            first, second = _ordinal(spot, one), _ordinal(spot, other)
            title = f"has the pieces of {text} in another order: the {first} and the {second} exchanged"
            does = f"your backward gives the {first} piece of {text} what comes back to the {second}, and the reverse"
            help_ = f"cut what comes back to {text} in the order in which the forward puts the pieces together"
        wrong = Hypothesis(
            "GC233" if names <= _CHOICES else "GC212", title, (does,), (help_,), "two inputs exchanged", cost=1.0
        )
        for trial in spot.once(wrong, functools.partial(_changes, spot.place, one, other)):
            yield Trial(replace(trial.candidate, names=left), trial.gradients)


def _ordinal(spot: Spot, slot: int) -> str:
    number = spot.gates[0].slots.index(slot) + 1
    return {1: "first", 2: "second", 3: "third"}.get(number, f"{number}th")


def _changes(place: Place, one: int, other: int, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    for gate in gates:
        left, right = gate.number(one), gate.number(other)
        if left is None or right is None or gate.inputs[left].shape != gate.inputs[right].shape:
            return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        own = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
        turned = {gate.number(one): gate.number(other), gate.number(other): gate.number(one)}
        return Flow(to={j: own[k] for j in own if (k := turned.get(j, j)) in own})

    return all_changed(gates, change)
