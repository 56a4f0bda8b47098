"""What comes back to a product taken transposed, or not: in attention ds q for dsᵀ q, of one shape."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_operand import arguments_of, other_factor, to_one_factor
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.source import factors_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one factor is computed with the transposed of what comes back."""
    factors = other_factor(spot)
    if factors is None or not all(_is_square(g.operation.result) for g in spot.gates):
        return
    k, other = factors
    text, shown = spot.place.text, factors_of(spot.place.site)
    wrong = Hypothesis(
        "GC203",
        f"has what comes back to {text} transposed in what goes to {shown[k]}",
        (f"your backward uses what comes back to {text} where its transpose belongs, or the reverse",),
        (f"transpose what comes back to {text} there; if you do, leave it as it is",),
        f"what comes back to {text} transposed",
        cost=1.15,
    )
    yield from spot.times(wrong, functools.partial(_changes, spot.place, k, other))


def _is_square(result: torch.Tensor) -> bool:
    return result.ndim >= 2 and result.shape[-1] == result.shape[-2] > 1


def _changes(place: Place, k: int, other: int, case: Case, times: float) -> dict[int, Change] | None:
    gates = place.gates(case)
    if any(len(arguments_of(g)) != 2 or not _is_square(g.operation.result) for g in gates):
        return None  # at another size it is not square, and has no such mistake

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        factor = arguments_of(gate)[other].detach()
        return to_one_factor(gate, gradient, k, factor, times, coming=gradient.transpose(-1, -2))

    return all_changed(gates, change)
