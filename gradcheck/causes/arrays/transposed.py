"""A gradient with its axes in another order, or reshaped where a transpose was meant."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Every other order of the axes that gives the same shape, then the entries in order in a transpose's place."""
    shape = stage.prediction[name].shape
    if not 1 < len(shape) <= 4:
        return
    for axes in itertools.permutations(range(len(shape))):
        if axes == tuple(range(len(shape))) or tuple(shape[a] for a in axes) != stage.case.yours[name].shape:
            continue
        full = "the transpose of the true gradient" if len(shape) == 2 else f"the true gradient with axes {axes}"
        yield Candidate(
            "GC203",
            f"is {full}",
            (name,),
            transform=functools.partial(_permuted, axes=axes),
            help=("swap the two factors, or transpose the result" if len(shape) == 2 else "permute the axes back",),
            short="its transpose" if len(shape) == 2 else f"axes permuted to {axes}",
            cost=0.5,
        )
    if len(shape) == 2:
        yield Candidate(
            "GC203",
            "is reshaped where a transpose was meant",
            (name,),
            transform=_reshaped,
            help=("use .T in place of reshape",),
            short="reshaped where a transpose was meant",
            cost=0.5,
        )


def _permuted(case: Case, name: str, true: Array, axes: tuple[int, ...]) -> Array:  # noqa: ARG001  # as all transforms
    return true.transpose(axes)


def _reshaped(case: Case, name: str, true: Array) -> Array:  # noqa: ARG001  # as all transforms
    return true.T.reshape(true.shape)
