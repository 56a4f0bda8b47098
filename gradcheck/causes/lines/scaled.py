"""The derivative of an operation dropped, negated, or taken several times."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import torch

from gradcheck.causes.candidate import Sized
from gradcheck.causes.case import Case
from gradcheck.causes.factors import is_multiple, is_odd
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial, factor_in

__all__ = ["trials"]

# In a loop the executions may follow upon one another: what is predicted is not linear in the factor then.
_IN_LOOPS = (-1.0, 2.0, 0.5)


def trials(spot: Spot) -> Iterator[Trial]:
    """Nothing goes back through the operation; or what goes back is multiplied by a constant."""
    text = spot.place.text
    dropped = Hypothesis(
        "GC230",
        f"lacks what goes back through {text}",
        (f"your backward treats {text} as a constant",),
        (f"add what goes back through {text}",),
        f"nothing back through {text}",
        cost=0.97,
    )
    yield from spot.once(dropped, functools.partial(_changes, spot.place, 0.0))
    best = spot.stage.scale(spot.without, spot.stage.prediction)
    for factor in ([] if best is None else [best]) + (list(_IN_LOOPS) if len(spot.gates) > 1 else []):
        if not is_multiple(factor):
            continue
        found = spot.factor(factor)
        scaled = Hypothesis(
            "GC231",
            f"has what goes back through {text} {found.shown} times{found.meaning}",
            (f"your backward multiplies what goes back through {text} by {found.shown}{found.meaning}",),
            (found.help,) if found.help else (),
            f"{text} times a constant",
            cost=2.5 if is_odd(found, factor) else 1.3 if abs(factor + 1) < 1e-6 else 1.4,
            size=Sized(factor, found.meaning, functools.partial(_factor_at, spot.place)),
        )
        meant = factor if found.meaning else None
        yield from spot.once(scaled, functools.partial(_rescaled, spot.place, factor, meant, spot.stage.case))


def _rescaled(place: Place, factor: float, meant: float | None, home: Case, case: Case) -> dict[int, Change] | None:
    """A factor that stands for a size is what it is at home; with another batch it is the one found there.

    It must stand for a size there as well.
    """
    if case is home or meant is None or case.recording is None:
        return _changes(place, factor, case)
    here = _factor_at(place, case)
    if here is None:
        here = factor  # where nothing comes back, it is any factor's
    same = math.isclose(here, factor, rel_tol=1e-6) or math.isclose(here, 1, rel_tol=1e-6)
    return _changes(place, here, case) if same or factor_in(case, here).meaning else None


def _factor_at(place: Place, case: Case) -> float | None:
    """The factor that comes closest in a case; None where nothing comes back."""
    if case.recording is None:
        return None
    once, never = (case.recording.gradients(_changes(place, t, case)) for t in (1.0, 0.0))
    return case.times_of(never, once)


def _changes(place: Place, factor: float, case: Case) -> dict[int, Change]:
    def change(gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
        return Flow(through=gradient * factor if factor else None)

    return all_changed(place.gates(case), change)
