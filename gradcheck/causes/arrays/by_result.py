"""A gradient multiplied or divided by something that the forward computes: a sum that is not divided by."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.arrays.multiplied import broadcasts
from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.places import Place
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Times or over each result of the forward that broadcasts to the gradient; only what fits is told."""
    case, true = stage.case, stage.prediction[name]
    if case.recording is None or case.yours[name].shape != true.shape or true.size < 2:
        return
    for site, gates in case.recording.sites.items():
        place = Place(site)
        if len(gates) > 1 or not broadcasts(tuple(gates[0].operation.result.shape), true.shape):
            continue
        for divided in (False, True):
            made = _made(case, name, true, place=place, divided=divided)
            if made is None or not case.explains(name, made):
                continue
            yield Candidate(
                "GC213",
                f"is the true gradient {'divided by' if divided else 'times'} {place.text}",
                (name,),
                transform=functools.partial(_made, place=place, divided=divided),
                where=place.where,
                help=(f"{'multiply' if divided else 'divide'} by {place.text}",),
                short=f"{'divided by' if divided else 'times'} {place.text}",
                cost=1.5,
            )


def _made(case: Case, name: str, true: Array, place: Place, divided: bool) -> Array | None:  # noqa: ARG001  # as all
    gates = place.gates(case)
    if len(gates) != 1 or not broadcasts(tuple(gates[0].operation.result.shape), true.shape):
        return None
    result = gates[0].operation.result.detach().numpy()
    with np.errstate(all="ignore"):
        made = true / result if divided else true * result
    return made if np.all(np.isfinite(made)) else None
