"""A gradient that is zero where the true one is not."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Nothing at all."""
    if np.any(stage.case.yours[name]):
        return
    yield Candidate(
        "GC205",
        "is zero",
        (name,),
        transform=_zero,
        help=("nothing reaches it: it is not computed, or is overwritten",),
        short="zero",
        cost=0.4,
    )


def _zero(case: Case, name: str, true: Array) -> Array:  # noqa: ARG001  # as all transforms
    return np.zeros_like(true)
