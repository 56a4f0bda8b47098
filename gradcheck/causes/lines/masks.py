"""A mask that the backward has otherwise: the wrong way round, or with one of two bounds alone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_function import own_derivative
from gradcheck.causes.places import Place, unary
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

_BOUNDED = {"clamp", "clip", "hardtanh", "relu6"}
_FILLED = {"masked_fill"}
Mask = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def _turned(x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:  # noqa: ARG001  # as all masks
    return ~inside


def _no_upper(x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    return inside | (x > x[inside].max())


def _no_lower(x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    return inside | (x < x[inside].min())


_WAYS: tuple[tuple[Mask, str, str, str], ...] = (
    (
        _turned,
        "has the mask of {} the wrong way round",
        "your backward keeps what comes back to {} where nothing goes back",
        "keep what comes back where {} hands its input on, and nothing elsewhere",
    ),
    (
        _no_upper,
        "has the mask of {} without its upper bound",
        "your backward keeps what comes back to {} above the upper bound",
        "nothing goes back where {} cuts off, above and below",
    ),
    (
        _no_lower,
        "has the mask of {} without its lower bound",
        "your backward keeps what comes back to {} below the lower bound",
        "nothing goes back where {} cuts off, above and below",
    ),
)


def trials(spot: Spot) -> Iterator[Trial]:
    """Of an operation whose derivative is one in some entries, zero in others: in what is not explained yet."""
    names = {g.operation.name for g in spot.gates}
    if spot.k is not None or not names <= _BOUNDED | _FILLED or not unary(spot.gates):
        return
    text, left = spot.place.text, tuple(n for n in spot.affected if n in spot.stage.unexplained)
    for mask, title, does, help_ in _WAYS if names <= _BOUNDED else _WAYS[:1]:
        wrong = Hypothesis(
            "GC233", title.format(text), (does.format(text),), (help_.format(text),), title.format(text), cost=0.99
        )
        for trial in spot.once(wrong, functools.partial(_changes, spot.place, mask)):
            yield Trial(replace(trial.candidate, names=left), trial.gradients)


def _changes(place: Place, mask: Mask, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    insides = [_inside(gate) for gate in gates]
    made: dict[int, Change] = {}
    for gate, inside in zip(gates, insides, strict=True):
        if inside is None:
            return None
        made[gate.index] = functools.partial(_kept, mask(gate.inputs[0].detach(), inside))
    return made or None


def _inside(gate: Gate) -> torch.Tensor | None:
    """Where the derivative is one; None where it is nowhere, or something else."""
    own = own_derivative(gate, 0)
    if own is None or not bool(((own == 0) | (own == 1)).all()) or not bool((own == 1).any()):
        return None
    return own == 1


def _kept(mask: torch.Tensor, gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
    return Flow(to={0: gradient * mask})
