"""A change of an array, and a constant factor on top of it: flipped, and divided by the number of positions."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradcheck.causes.arrays.factor import meant, scaled
from gradcheck.causes.candidate import Array, Candidate, Sized, Transform
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.difference import nearest_multiple

__all__ = ["multiples"]

# transposed, flipped, rolled, one sample, copied, multiplied, reduced
_ALSO_SCALED = frozenset({"GC203", "GC204", "GC206", "GC207", "GC212", "GC213", "GC214"})


def multiples(stage: Stage, candidate: Candidate, turned: Array) -> Iterator[Candidate]:
    """The multiple of what ``candidate`` predicts, ``turned``, if that is yours and the prediction itself is not."""
    if candidate.code not in _ALSO_SCALED or len(candidate.names) > 1 or candidate.transform is None:
        return
    case, (name,) = stage.case, candidate.names
    yours = case.yours[name]
    if turned.shape != yours.shape or turned.size < 3 or case.is_no_multiple(name, turned) or not np.ptp(turned):
        return  # of equal entries, any others are a multiple
    ratio = nearest_multiple(turned, yours)
    if ratio is None or not 1e-9 < abs(ratio) < 1e9 or abs(ratio - 1) < 1e-5 or not case.explains(name, ratio * turned):
        return
    opposite = abs(ratio + 1) < 1e-9
    told = meant(case, name, ratio)
    yield replace(
        candidate,
        title=f"{candidate.title}, with the other sign"
        if opposite
        else f"{candidate.title}, and {told.shown} times that{told.meaning}",
        transform=functools.partial(_both, first=candidate.transform, ratio=ratio),
        help=(*candidate.help, "change the sign")
        if opposite
        else (*candidate.help, *([told.help] if told.help else [])),
        short=f"{candidate.called}, times a constant",
        size=None if opposite else Sized(ratio, told.meaning, functools.partial(_at, name, candidate.transform)),
        cost=candidate.cost + (0.15 if opposite or told.help else 1.5),
    )


def _at(name: str, first: Transform, case: Case) -> float | None:
    turned = first(case, name, case.true[name]) if name in case.yours else None
    return None if turned is None else nearest_multiple(turned, case.yours[name])


def _both(case: Case, name: str, true: Array, first: Transform, ratio: float) -> Array | None:
    turned = first(case, name, true)
    return None if turned is None else scaled(case, name, turned, ratio)
