"""What each floating-point type can hold, by the name of the type; and whether a measurement can be judged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeGuard

from gradcheck.health.sample import Stats

__all__ = ["Floats", "floats", "usable"]


@dataclass(frozen=True, slots=True)
class Floats:
    """The largest number, the smallest normal one, and the distance from 1 to the next."""

    largest: float
    tiny: float
    eps: float


_KNOWN = {
    "float16": Floats(65504.0, 2.0**-14, 2.0**-10),
    "bfloat16": Floats(2.0**127 * (2 - 2.0**-7), 2.0**-126, 2.0**-7),
    "float32": Floats(2.0**127 * (2 - 2.0**-23), 2.0**-126, 2.0**-23),
    "float64": Floats(2.0**1023 * (2 - 2.0**-52), 2.0**-1022, 2.0**-52),
}


def floats(dtype: str) -> Floats:
    """The limits of a type named as NumPy or torch names it; of one that is not known, those of float64."""
    return _KNOWN.get(dtype.rpartition(".")[2], _KNOWN["float64"])


def usable(stats: Stats | None) -> TypeGuard[Stats]:
    """Whether it was measured and all of it is finite: what came after a NaN says nothing about its reason."""
    return stats is not None and stats.bad == 0 and math.isfinite(stats.norm)
