"""Another array of the same shape in a product: z for h, the state after the step for the one before."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_operand import arguments_of, derivative_with, other_factor
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.source import operands_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one input of a product is computed with another result of the forward for the other input."""
    recording, factors = spot.stage.case.recording, other_factor(spot)
    if recording is None or factors is None:
        return
    k, other = factors
    text, operands = spot.place.text, operands_of(spot.place.site)
    shape = arguments_of(spot.gates[0])[other].shape
    shown = operands if len(operands) == 2 else ["its first factor", "its second factor"]
    for site, gates in recording.sites.items():
        if gates[0].operation.result.shape != shape:
            continue
        place = Place(site)
        for later in (False, True):
            if _changes(spot.place, place, k, other, later, spot.stage.case, 1.0) is None:
                continue
            wrong = Hypothesis(
                "GC238",
                f"has {place.text} in the place of {shown[other]} in what goes back through {text} to {shown[k]}",
                (f"your backward takes {place.text} for {shown[other]}",),
                (f"take {shown[other]}, as the forward does",),
                f"{place.text} for {shown[other]}",
                cost=1.2,
            )
            yield from spot.times(wrong, functools.partial(_changes, spot.place, place, k, other, later))


def _changes(
    place: Place, instead: Place, k: int, other: int, later: bool, case: Case, times: float
) -> dict[int, Change] | None:
    """At each execution: the result of ``instead`` that was the last before it, or is the first after it."""
    at_hand = instead.gates(case)
    taken: dict[int, torch.Tensor] = {}
    gates = place.gates(case)
    for gate in gates:
        arguments = arguments_of(gate)
        order = [g for g in at_hand if g.index > gate.index] if later else [g for g in at_hand if g.index < gate.index]
        if len(arguments) != 2 or not at_hand:
            return None
        found = (order[0] if later else order[-1]) if order else None
        if found is None or found.operation.result.shape != arguments[other].shape:
            # before the first or after the last there is none: a state of zeros
            taken[gate.index] = torch.zeros_like(arguments[other].detach())
        else:
            taken[gate.index] = found.operation.result.detach()
    if all(torch.equal(taken[g.index], arguments_of(g)[other].detach()) for g in gates):
        return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        own = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
        arguments = arguments_of(gate)
        target = next((j for j, source in enumerate(gate.inputs) if source is arguments[k]), None)
        if target is not None:
            own[target] = times * derivative_with(gate, gradient, arguments, k, taken[gate.index])
        return Flow(to=own)

    return all_changed(gates, change)
