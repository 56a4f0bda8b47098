"""Which gradients get a picture: those that are not right, where the truth is known entry by entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.report import GradientResult
from gradcheck.sampled import picture_of

__all__ = ["pictured"]

_MOST = 8  # of one layer or network: the first that are wrong

Array = np.ndarray[Any, Any]


def pictured(
    results: Sequence[GradientResult], yours: Mapping[str, Array | None], true: Mapping[str, Array]
) -> list[GradientResult]:
    """The results, those that are wrong or undecided with a picture. A check in which all is right pays nothing.

    ``yours`` and ``true`` hold gradients by the name of the array. A gradient that inherits its error has none: its
    picture would show somebody else's mistake.
    """
    told, left = [], _MOST
    for result in results:
        mine, truth = yours.get(result.of), true.get(result.of)
        wanted = left and result.verdict in ("wrong", "undecided") and not result.inherits
        if wanted and result.compared_with not in ("", "numeric") and mine is not None and truth is not None:
            picture = picture_of(_shaped(mine, truth), truth)
            result = replace(result, picture=picture)
            left -= picture is not None
        told.append(result)
    return told


def _shaped(mine: Array, truth: Array) -> Array:
    """In the shape of the truth where only axes of length one are more or fewer."""
    left, right = ([n for n in array.shape if n != 1] for array in (mine, truth))
    return mine.reshape(truth.shape) if left == right else mine
