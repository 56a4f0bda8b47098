"""A factor that several products share, seen otherwise by all of them: -sin for sin in a rotation, sin for cos."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.lines.other_operand import arguments_of, to_one_factor
from gradcheck.causes.places import Place
from gradcheck.causes.source import factors_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial
from gradcheck.trace import Site

__all__ = ["trials"]

_MOST = 8  # other factors that are tried in the place of one
_PRODUCTS = {"multiply", "matmul"}
Seen = Callable[[torch.Tensor], torch.Tensor]


class _Use(NamedTuple):
    """A product, and which of its two arguments is the shared one."""

    site: Site
    other: int


def trials(spot: Spot) -> Iterator[Trial]:
    """For what is first multiplied with here, and elsewhere too: negated, or exchanged with another such."""
    if spot.k is not None or spot.gates[0].operation.name not in _PRODUCTS:
        return
    groups = _shared(spot.stage.case)
    ours = next((uses for uses in groups if uses[0].site == spot.place.site), None)
    if ours is None:
        return
    called = _called(ours)
    negated = Hypothesis(
        "GC238",
        f"has {called} negated wherever it is multiplied with",
        (f"your backward takes -{called} for {called}",),
        (f"change the sign of {called} in the backward",),
        f"-{called} for {called}",
        cost=1.1,
    )
    yield from _tried(spot, negated, functools.partial(_negated, ours))
    alike = [uses for uses in groups[groups.index(ours) + 1 :] if len(uses) == len(ours)]
    for others in alike[:_MOST]:
        exchanged = Hypothesis(
            "GC238",
            f"has {called} and {_called(others)} exchanged wherever they are multiplied with",
            (f"your backward takes {_called(others)} for {called}, and {called} for {_called(others)}",),
            (f"take {called} where the forward does, and {_called(others)} where it does",),
            f"{called} and {_called(others)} exchanged",
            cost=1.15,
        )
        yield from _tried(spot, exchanged, functools.partial(_exchanged, ours, others))


def _tried(spot: Spot, hypothesis: Hypothesis, changes: Callable[[Case], dict[int, Change] | None]) -> Iterator[Trial]:
    """The change reaches further than the place: every gradient that is not explained may be one of it."""
    made = changes(spot.stage.case)
    if not made:
        return
    whole = spot.stage.gradients(made)
    names = tuple(n for n in spot.stage.differing(whole) if n in spot.stage.unexplained)
    if names:
        yield Trial(spot.candidate(hypothesis, changes, names), whole)


def _called(uses: Sequence[_Use]) -> str:
    return factors_of(uses[0].site)[uses[0].other]


def _shared(case: Case) -> list[tuple[_Use, ...]]:
    """The arrays that products of at least two places share, by where."""
    if case.recording is None:
        return []
    found: dict[int, dict[_Use, None]] = {}
    for site, gates in case.recording.sites.items():
        for gate in (g for g in gates if g.operation.name in _PRODUCTS):
            arguments = arguments_of(gate)
            for k, argument in enumerate(arguments if _differ(arguments) else ()):
                if argument.numel() > 1 and arguments[1 - k].requires_grad:
                    found.setdefault(id(argument), {})[_Use(site, k)] = None
    groups = (tuple(uses) for uses in found.values() if len(uses) > 1)
    return list(dict.fromkeys(groups))


def _differ(arguments: Sequence[torch.Tensor]) -> bool:
    return len(arguments) == 2 and arguments[0] is not arguments[1]


def _negated(uses: Sequence[_Use], case: Case) -> dict[int, Change] | None:
    return _changes(uses, case, torch.neg)


def _exchanged(uses: Sequence[_Use], others: Sequence[_Use], case: Case) -> dict[int, Change] | None:
    one, other = (_factor(each, case) for each in (uses, others))
    if one is None or other is None or one.shape != other.shape:
        return None
    left, right = _changes(uses, case, lambda t: other.to(t)), _changes(others, case, lambda t: one.to(t))
    return None if left is None or right is None or set(left) & set(right) else {**left, **right}


def _factor(uses: Sequence[_Use], case: Case) -> torch.Tensor | None:
    gates = Place(uses[0].site).gates(case)
    arguments = arguments_of(gates[0]) if gates else []
    return arguments[uses[0].other].detach() if len(arguments) == 2 else None


def _changes(uses: Sequence[_Use], case: Case, seen: Seen) -> dict[int, Change] | None:
    made: dict[int, Change] = {}
    for use in uses:
        for gate in Place(use.site).gates(case):
            if not _differ(arguments_of(gate)):
                return None
            made[gate.index] = functools.partial(_seen, use.other, seen)
    return made or None


def _seen(other: int, seen: Seen, gate: Gate, gradient: torch.Tensor) -> Flow:
    return to_one_factor(gate, gradient, 1 - other, seen(arguments_of(gate)[other].detach()))
