"""A normalisation whose statistics are all constants to the backward: the gradient that it has in evaluation."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change
from gradcheck.causes.listing import listed
from gradcheck.causes.places import Place, nothing
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

_STATISTICS = {"mean", "var", "std", "sum", "norm", "vector_norm", "average"}


def trials(spot: Spot) -> Iterator[Trial]:
    """Nothing goes back through any of the reductions of one function, where there are several."""
    places = _together(spot)
    if len(places) < 2 or places[0].site != spot.place.site:
        return
    texts = listed([place.text for place in places])
    wrong = Hypothesis(
        "GC230",
        f"lacks what goes back through {texts}",
        (f"your backward treats {texts} as constants; the forward computes them of what they normalise",),
        (f"add what goes back through each of {texts}",),
        "nothing back through any statistics",
        cost=1.0,
    )
    yield from spot.once(wrong, functools.partial(_changes, places))


def _together(spot: Spot) -> list[Place]:
    """The places of the spot's function that reduce an array to statistics of it."""
    recording = spot.stage.case.recording
    if recording is None or spot.k is not None:
        return []
    code, owner = spot.place.site.code, spot.place.owner
    found = [Place(site, owner) for site in recording.sites if site.code is code]
    return [place for place in found if _reduce(place, spot.stage.case)]


def _reduce(place: Place, case: Case) -> bool:
    gates = place.gates(case)
    return bool(gates) and all(
        g.operation.name in _STATISTICS and g.direct == 1 and 1 < g.operation.result.numel() < g.inputs[0].numel()
        for g in gates
    )


def _changes(places: list[Place], case: Case) -> dict[int, Change] | None:
    return {gate.index: nothing for place in places for gate in place.gates(case)} or None
