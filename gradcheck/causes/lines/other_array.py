"""Another array of the same shape in a product: z for h, the state after the step for the one before, an input."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_operand import arguments_of, other_factor, to_one_factor
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.source import factors_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

# The arrays to take instead, one for each execution in a case; None where there are none.
Found = Callable[[Case, Sequence[Gate]], "list[torch.Tensor] | None"]


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one input of a product is computed with another array of the forward for the other input.

    That may be a result of the forward, or one of its inputs.
    """
    recording, factors = spot.stage.case.recording, other_factor(spot)
    if recording is None or factors is None:
        return
    k, other = factors
    shape = arguments_of(spot.gates[0])[other].shape
    for site, gates in recording.sites.items():
        found_shape = gates[0].operation.result.shape
        turned = _is_turned(found_shape, shape)
        if found_shape != shape and not turned:
            continue
        place = Place(site)
        for later in (False, True):
            found = functools.partial(_result_of, place, other, later)
            yield from _tried(spot, k, other, place.text + ".T" * turned, _transposed(found) if turned else found)
    for name, value in spot.stage.case.values.items():
        turned = _is_turned(value.shape, shape)
        if (value.shape == tuple(shape) or turned) and value.dtype.kind == "f":
            found = functools.partial(_input, name, other, turned)
            yield from _tried(spot, k, other, name + ".T" * turned, found)


def _tried(spot: Spot, k: int, other: int, called: str, found: Found) -> Iterator[Trial]:
    if _changes(spot.place, found, k, other, spot.stage.case, 1.0) is None:
        return
    text, shown = spot.place.text, factors_of(spot.place.site)
    wrong = Hypothesis(
        "GC238",
        f"has {called} in the place of {shown[other]} in what goes back through {text} to {shown[k]}",
        (f"your backward takes {called} for {shown[other]}",),
        (f"take {shown[other]}, as the forward does",),
        f"{called} for {shown[other]}",
        cost=1.2,
    )
    yield from spot.times(wrong, functools.partial(_changes, spot.place, found, k, other))


def _result_of(instead: Place, other: int, later: bool, case: Case, gates: Sequence[Gate]) -> list[torch.Tensor] | None:
    """At each execution: the result of ``instead`` that was the last before it, or is the first after it."""
    at_hand = instead.gates(case)
    taken = []
    for gate in gates:
        arguments = arguments_of(gate)
        order = [g for g in at_hand if g.index > gate.index] if later else [g for g in at_hand if g.index < gate.index]
        if len(arguments) != 2 or not at_hand:
            return None
        found = (order[0] if later else order[-1]) if order else None
        if found is None or found.operation.result.shape != arguments[other].shape:
            # before the first or after the last there is none: a state of zeros
            taken.append(torch.zeros_like(arguments[other].detach()))
        else:
            taken.append(found.operation.result.detach())
    return taken


def _transposed(found: Found) -> Found:
    """The same with the last two axes exchanged: q @ k.T goes back to q by k, and k.T may be taken for q.T."""

    def turned(case: Case, gates: Sequence[Gate]) -> list[torch.Tensor] | None:
        results = found(case, gates)
        return None if results is None else [t.transpose(-1, -2) for t in results]

    return turned


def _is_turned(found: Sequence[int], wanted: Sequence[int]) -> bool:
    """Whether the last two axes of one shape are those of the other exchanged."""
    if len(found) != len(wanted) or len(wanted) < 2 or wanted[-1] == wanted[-2]:
        return False
    return tuple(found) == (*wanted[:-2], wanted[-1], wanted[-2])


def _input(name: str, other: int, turned: bool, case: Case, gates: Sequence[Gate]) -> list[torch.Tensor] | None:
    """The same input of the forward at each execution."""
    value = case.values.get(name)
    if value is not None and turned:
        value = np.swapaxes(value, -1, -2)
    fits = value is not None and all(
        len(arguments_of(g)) == 2 and tuple(arguments_of(g)[other].shape) == value.shape for g in gates
    )
    return [torch.as_tensor(np.ascontiguousarray(value)).to(arguments_of(g)[other]) for g in gates] if fits else None


def _changes(place: Place, instead: Found, k: int, other: int, case: Case, times: float) -> dict[int, Change] | None:
    gates = place.gates(case)
    found = instead(case, gates)
    if found is None or all(torch.equal(t, arguments_of(g)[other].detach()) for t, g in zip(found, gates, strict=True)):
        return None
    taken = {g.index: t for t, g in zip(found, gates, strict=True)}

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        return to_one_factor(gate, gradient, k, taken[gate.index], times)

    return all_changed(gates, change)
