"""A gradient whose entries are cut off at a bound."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.fresh import can_be_asked, case_at
from gradcheck.causes.numbers import is_round, shown
from gradcheck.causes.predict import predict
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]

_AT = 1e-7  # relative: so near to the bound is at it


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """The bounds are the largest and smallest entries of yours; two at one, or a round number, make it no accident."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if true.shape != yours.shape or yours.size < 3 or not np.ptp(yours):
        return
    low, high = float(yours.min()), float(yours.max())
    largest = max(-low, high)
    found = []
    if _is_bound(yours, true, largest) or _is_bound(yours, true, -largest):
        found.append((-largest, largest, f"±{shown(largest)}"))
    cut_low, cut_high = _is_bound(yours, true, low), _is_bound(yours, true, high)
    if cut_low and cut_high:
        found.append((low, high, f"{shown(low)} to {shown(high)}"))
    elif cut_low:
        found.append((low, np.inf, f"{shown(low)} from below"))
    elif cut_high:
        found.append((-np.inf, high, f"{shown(high)} from above"))
    for lower, upper, bounds in found:
        if not stage.case.explains(name, np.clip(true, lower, upper)) or _holds_turned(stage, name, lower, upper):
            yield _candidate(name, true, lower, upper, bounds)


def _holds_turned(stage: Stage, name: str, low: float, high: float) -> bool:
    """Whether it is clipped to the same bounds with the upstream gradient twice as large and of the other sign.

    A backward that is linear does not clip: there all is twice as large, and its smallest entry is its largest. Where
    that cannot be asked it is taken to hold.
    """
    case = stage.case
    if case.subject is None or not can_be_asked(case) or case.subject.upstream == "one":
        return True
    there = case_at(case, case.values, [-2.0 * np.asarray(u) for u in case.upstreams])
    predicted = None if there is None or name not in there.yours else predict(there, stage.base)
    if there is None or predicted is None:
        return True
    return there.explains(name, np.clip(predicted[name], low, high))


def _is_bound(yours: Array, true: Array, bound: float) -> bool:
    beyond = true > bound if bound > 0 else true < bound
    if not bound:
        beyond = true < 0 if yours.min() == 0 else true > 0
    cut = beyond & (np.abs(yours - bound) <= _AT * abs(bound))
    return int(np.count_nonzero(cut)) >= (1 if bound and is_round(bound) else 2)


def _candidate(name: str, true: Array, low: float, high: float, bounds: str) -> Candidate:
    count = int(np.count_nonzero((true < low) | (true > high)))
    return Candidate(
        "GC208",
        f"is the true gradient clipped to {bounds}",
        (name,),
        transform=functools.partial(_clipped, low=low, high=high),
        detail=(f"{count} of {true.size} entries lie beyond",),
        help=("return the gradient as it is; clip where it is used, and count how often it happens",),
        short="clipped by value",
        cost=0.5,
    )


def _clipped(case: Case, name: str, true: Array, low: float, high: float) -> Array:  # noqa: ARG001  # as all transforms
    return np.clip(true, low, high)
