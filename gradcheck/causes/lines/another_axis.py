"""A softmax differentiated along another axis than it was taken over."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_function import PieceSpot, ends_in
from gradcheck.causes.places import Piece, Place
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """y (g - Σ g y) summed over each axis, and over all."""
    where: Piece | Place = spot.piece if isinstance(spot, PieceSpot) else spot.place
    if isinstance(where, Place) and (spot.k is not None or not _is_softmax(spot.gates)):
        return
    text, ndim = where.text, spot.gates[0].operation.result.ndim
    for axis in [*range(ndim), None] if ndim > 1 else []:
        along = "all axes" if axis is None else f"axis {axis}"
        wrong = Hypothesis(
            "GC244",
            f"has the softmax of {text} differentiated along {along}",
            (f"your backward sums over {along}; the forward normalises over another one",),
            ("sum over the axis that the forward sums over, with keepdims=True",),
            f"softmax along {along}",
            cost=1.0,
        )
        yield from spot.once(wrong, functools.partial(_changes, where, axis))


def _is_softmax(gates: Sequence[Gate]) -> bool:
    """Whether it is a softmax that is one operation."""
    return all(g.operation.name == "softmax" and g.direct == 1 for g in gates)


def _changes(where: Piece | Place, axis: int | None, case: Case) -> dict[int, Change] | None:
    return {gate.index: functools.partial(_softmax, number, axis) for gate, number in ends_in(where, case)} or None


def _softmax(number: int, axis: int | None, gate: Gate, gradient: torch.Tensor) -> Flow:
    y = gate.operation.result.detach()
    product = gradient * y
    total = product.sum() if axis is None else product.sum(axis, keepdim=True)
    return Flow(to={number: y * (gradient - total)})
