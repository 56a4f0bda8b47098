"""Through time an elementwise derivative used for the weights, and missing in what goes back to the step before."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, as_it_is, unary
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one input of a product in a loop skips the function that its result goes into."""
    recording, k = spot.stage.case.recording, spot.k
    if recording is None or k is None or len(spot.gates) < 2:
        return
    for site, gates in recording.sites.items():
        above = Place(site)
        if len(gates) < 2 or not unary(gates) or _changes(spot.place, above, k, spot.stage.case) is None:
            continue
        text, to = spot.place.text, spot.operand
        skipped = Hypothesis(
            "GC239",
            f"lacks the derivative of {above.text} in what goes back to {to} in {text}",
            (f"your backward uses the derivative of {above.text} elsewhere, but not for {to}",),
            (f"multiply by the derivative of {above.text} first; use that for the weights and for {to} alike",),
            f"derivative of {above.text} missing for {to}",
            cost=1.1,
        )
        yield from spot.once(skipped, functools.partial(_changes, spot.place, above, k))


def _changes(below: Place, above: Place, k: int, case: Case) -> dict[int, Change] | None:
    """At each execution of ``below``: argument ``k`` gets what came back to the next execution of ``above``."""
    later = above.gates(case)
    changes: dict[int, Change] = {}
    for gate in below.gates(case):
        after = next((g for g in later if g.index > gate.index), None)
        if after is None or after.operation.result.shape != gate.operation.result.shape:
            return None
        changes[after.index] = as_it_is
        changes[gate.index] = functools.partial(_skipping, after, k)
    return changes or None


def _skipping(after: Gate, k: int, gate: Gate, gradient: torch.Tensor) -> Flow:
    own = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
    number = gate.number(k)
    if after.received is not None and number is not None:
        skipped = gate.derivative(after.received)[number]
        if skipped is not None:
            own[number] = skipped
    return Flow(to=own)
