"""Entries that are read more than once, overwritten in the backward where they should be added up: = for +=."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place
from gradcheck.causes.spot import Hypothesis, Spot, Trial
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["positions_of", "trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """The last writer wins: of whole pieces, or of the entries that get something (a maximum)."""
    if spot.k is not None or any(g.operation.name != "getitem" for g in spot.gates):
        return
    positions = positions_of(spot.gates)
    if positions is None or sum(p.size for p in positions) == len(
        set().union(*(p.ravel().tolist() for p in positions))
    ):
        return
    text = spot.place.text
    is_torch = isinstance(spot.stage.case.own, FunctionSubject)
    added = "dx.index_add_(0, index, d)" if is_torch else "np.add.at(dx, index, d)"
    for of_all in (True, False):
        overwritten = Hypothesis(
            "GC237",
            f"has entries overwritten that {text} reads more than once",
            (f"{text} reads some entries several times, and your backward keeps the last of what comes back",),
            (f"add up what comes back: += in place of =, {added} for an array of indices",),
            f"= for += at {text}",
            cost=0.95,
        )
        yield from spot.once(overwritten, functools.partial(_changes, spot.place, of_all))


def positions_of(gates: Sequence[Gate]) -> list[Array] | None:
    """Which entries of the array each execution reads; None where that is not one array, read by an index."""
    found = []
    for gate in gates:
        source, index = gate.operation.inputs[:2]
        if not isinstance(source, torch.Tensor) or source.shape != gates[0].inputs[0].shape:
            return None
        try:
            places: Any = np.arange(source.numel()).reshape(tuple(source.shape))
            found.append(np.asarray(places[index]))
        except (IndexError, TypeError):
            return None
    return found


def _changes(place: Place, of_all: bool, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    positions = positions_of(gates)
    if not gates or positions is None or case.recording is None:
        return None
    recording, size = case.recording, gates[0].inputs[0].numel()
    taken = np.zeros(size, bool)
    passes = [-1]

    def change(number: int, gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
        # what was read last comes back first: it is what stands there in the end
        if passes[0] != recording.passes:
            passes[0] = recording.passes
            taken[:] = False
        at = positions[number].ravel()
        given = gradient.detach().reshape(-1).numpy()
        kept = np.zeros(at.size)
        for entry in range(at.size - 1, -1, -1) if len(set(at.tolist())) < at.size else ():
            if not taken[at[entry]] and (of_all or given[entry] != 0):
                kept[entry], taken[at[entry]] = 1.0, True
        if len(set(at.tolist())) == at.size:
            free = ~taken[at] if of_all else ~taken[at] & (given != 0)
            kept[free] = 1.0
            taken[at[free]] = True
        return Flow(through=gradient * torch.from_numpy(kept).reshape(gradient.shape))

    return {g.index: functools.partial(change, number) for number, g in enumerate(gates)}
