"""A softmax differentiated along another axis than it was taken over."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_function import PieceSpot
from gradcheck.causes.places import Piece
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """y (g - Σ g y) summed over each axis, and over all."""
    if not isinstance(spot, PieceSpot):
        return
    text, ndim = spot.piece.text, spot.gates[0].operation.result.ndim
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
        yield from spot.once(wrong, functools.partial(_changes, spot.piece, axis))


def _changes(piece: Piece, axis: int | None, case: Case) -> dict[int, Change] | None:
    return {gate.index: functools.partial(_softmax, number, axis) for gate, number in piece.ends(case)} or None


def _softmax(number: int, axis: int | None, gate: Gate, gradient: torch.Tensor) -> Flow:
    y = gate.operation.result.detach()
    product = gradient * y
    total = product.sum() if axis is None else product.sum(axis, keepdim=True)
    return Flow(to={number: y * (gradient - total)})
