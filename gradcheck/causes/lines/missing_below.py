"""An activation's derivative in some of the gradients, missing in others: used for the weights, not for what is below.

Such a place is no suspect as a whole, for gradients that depend on it are right. What is tried is one change of the
others alone.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_function import ends_in, ends_of
from gradcheck.causes.listing import listed
from gradcheck.causes.places import Piece, Place
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]


def trials(spot: Spot) -> Iterator[Trial]:
    """The derivative of a function of one array left out for the gradients that are not explained yet."""
    where, ends = ends_of(spot)
    if not ends:
        return
    text, stage = where.text, spot.stage
    names = tuple(n for n in spot.affected if n in stage.unexplained)
    case = stage.case
    have = [case.called(n) for n in spot.affected if n not in names and case.explains(n, stage.prediction[n])]
    if not have:
        return  # of a gradient that is undecided nobody knows whether yours uses it there
    skipped = Hypothesis(
        "GC239",
        f"lacks the derivative of {text}",
        (f"your backward uses the derivative of {text} for {listed(have)}, and not here",),
        (f"multiply by the derivative of {text} first, and use that for the weights and for what goes down alike",),
        f"derivative of {text} missing here",
        cost=1.1,
    )
    for trial in spot.once(skipped, functools.partial(_changes, where)):
        yield Trial(replace(trial.candidate, names=names), trial.gradients)


def _changes(where: Place | Piece, case: Case) -> dict[int, Change] | None:
    return {gate.index: functools.partial(_handed_on, number) for gate, number in ends_in(where, case)} or None


def _handed_on(number: int, gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
    return Flow(to={number: gradient})
