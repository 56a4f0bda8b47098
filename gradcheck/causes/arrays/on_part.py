"""A gradient that is right but for one part, which is zero, negated, or a multiple."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.numbers import shown
from gradcheck.causes.regions import Region, apart, region_of
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """The part is where the two differ, if that is a slice or the border."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if true.shape != yours.shape or true.size < 2:
        return
    region = region_of(apart(yours, true))
    mask = None if region is None else region.mask(true.shape)
    if region is None or mask is None or not np.any(true[~mask]):
        return  # zeros are any multiple of zeros: the part is all there is
    length = norm(true[mask])
    times = float(np.vdot(true[mask] / length, yours[mask] / length)) if length else 0.0
    if np.count_nonzero(mask) < 2 and not any(math.isclose(times, t, abs_tol=1e-6) for t in (0, -1, 2, 0.5)):
        return  # one entry is a multiple of any other
    called = stage.case.called(name)
    said, help_ = _said(times, region, called)
    yield Candidate(
        "GC215",
        said,
        (name,),
        transform=functools.partial(_changed, region=region, times=times),
        help=(help_,),
        short=f"a multiple in {region.name}",
        cost=0.8 if abs(times) < 1e-9 or math.isclose(times, -1) else 1.0,
    )


def _said(times: float, region: Region, called: str) -> tuple[str, str]:
    where = region.name
    if abs(times) < 1e-9:
        return f"is zero in {where}, and right elsewhere", f"{where} of {called}: not computed, or overwritten later"
    if math.isclose(times, -1, rel_tol=1e-6):
        return f"has the other sign in {where}, and is right elsewhere", f"change the sign in {where} of {called}"
    size = shown(times)
    return (
        f"is {size} times the true gradient in {where}, and right elsewhere",
        f"divide {where} of {called} by {size}: counted more or less often than the rest",
    )


def _changed(case: Case, name: str, true: Array, region: Region, times: float) -> Array | None:  # noqa: ARG001  # as all transforms
    mask = region.mask(true.shape)
    return None if mask is None else np.where(mask, (0.0 if abs(times) < 1e-9 else times) * true, true)
