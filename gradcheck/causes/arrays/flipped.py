"""A gradient flipped along some of its axes: a kernel's, rotated by 180°."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Every set of axes, the last two first: true convolutions flip these."""
    axes = [k for k, n in enumerate(stage.prediction[name].shape) if n > 1][:4]
    for count in range(1, len(axes) + 1):
        for chosen in itertools.combinations(axes, count):
            rotated = count == 2 and chosen == tuple(axes[-2:])
            which = " and ".join(str(a) for a in chosen)
            says = f"flipped along ax{'e' if count > 1 else 'i'}s {which}"
            yield Candidate(
                "GC204",
                f"is the true gradient {says}" + (" (rotated by 180°)" if rotated else ""),
                (name,),
                transform=functools.partial(_flipped, axes=chosen),
                help=("flip neither the input nor the delta here",),
                short="rotated by 180°" if rotated else says,
                cost=0.5 if rotated else 0.6,
            )


def _flipped(case: Case, name: str, true: Array, axes: tuple[int, ...]) -> Array:  # noqa: ARG001  # as all transforms
    return np.flip(true, axes)
