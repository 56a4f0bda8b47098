"""A gradient that is a constant times the true one."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.factors import Factor, factor
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates", "meant", "scaled"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """The factor that comes closest, with what it may stand for."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    length = norm(true)
    if yours.shape != true.shape or length == 0 or yours.size < 2:
        return  # a single number is a multiple of any other: that explains nothing
    ratio = float(np.vdot(true / length, yours / length))
    if not 1e-9 < abs(ratio) < 1e9 or abs(abs(ratio) - 1) < 1e-5:
        return
    told = meant(stage.case, name, ratio)
    yield Candidate(
        "GC201",
        f"is {told.shown} times the true gradient{told.meaning}",
        (name,),
        transform=functools.partial(scaled, ratio=ratio),
        help=(told.help,) if told.help else (),
        short="a constant factor",
        cost=0.6 if told.help else 2.0,
        is_remark=not told.help,
    )


def meant(case: Case, name: str, ratio: float) -> Factor:
    """What a factor may stand for, by the sizes of the arrays around it."""
    upstream = case.upstreams[0] if len(case.upstreams) == 1 else None
    return factor(ratio, case.called(name), dict(case.values), upstream)


def scaled(case: Case, name: str, true: Array, ratio: float) -> Array | None:
    """The multiple found at first, or the one that means the same where sizes are others."""
    if name not in case.yours:
        return None
    length = norm(true)
    here = float(np.vdot(true / length, case.yours[name] / length)) if length else 0.0
    if abs(here - ratio) <= 1e-6 * abs(ratio):
        return ratio * true
    return here * true if meant(case, name, here).meaning else None
