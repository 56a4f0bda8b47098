"""A gradient with the other sign."""

from __future__ import annotations

from collections.abc import Iterator

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:  # noqa: ARG001  # as all families
    """The negative."""
    yield Candidate(
        "GC202",
        "is the negative of the true gradient",
        (name,),
        transform=_negative,
        help=("change the sign",),
        short="its negative",
        cost=0.5,
    )


def _negative(case: Case, name: str, true: Array) -> Array:  # noqa: ARG001  # as all transforms
    return -true
