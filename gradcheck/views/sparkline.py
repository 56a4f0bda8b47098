"""Numbers as small pictures of block characters on a log scale: a curve over the steps, a bar, a place on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

__all__ = ["ALIKE", "NOT_FINITE", "ZERO", "Scale", "bar", "curve"]

LEVELS = "▁▂▃▄▅▆▇█"
EIGHTHS = "▏▎▍▌▋▊▉█"
ZERO = "0"  # has no place on a log scale
NOT_FINITE = "!"
UNKNOWN = " "
CALM = 1.0  # decades that a curve spans at least: a change by a few percent looks flat
ALIKE = 3.0  # decades that bars span at least: layers within a factor of two have bars of nearly one length


class Scale:
    """A log scale from the smallest to the largest of some numbers, and at least ``decades`` long.

    Where it has to be lengthened, both sides are. Numbers that are 0 or not finite have no part in it. Where one is
    negative (a loss can be) the scale is linear, and at least half as long as the largest magnitude.
    """

    def __init__(self, numbers: Iterable[float | None], decades: float) -> None:
        finite = [x for x in numbers if x is not None and math.isfinite(x)]
        self._unit = max(map(abs, finite), default=0.0) if any(x < 0 for x in finite) else 0.0
        placed = [self._place(x) for x in finite if self.has(x)]
        low, high = (min(placed), max(placed)) if placed else (0.0, 0.0)
        missing = max((0.5 if self._unit else decades) - (high - low), 0.0)
        # A little off the middle, where two of a curve's levels meet: what hardly changes keeps to one of them.
        self._low, self._length = low - missing * 7 / 16, high - low + missing

    def has(self, x: float) -> bool:
        """Whether the number has a place on the scale."""
        return math.isfinite(x) and (x > 0 or self._unit > 0)

    def at(self, x: float) -> float:
        """Where a number that has a place stands, from 0 to 1."""
        return min(max((self._place(x) - self._low) / self._length, 0.0), 1.0)

    def _place(self, x: float) -> float:
        return x / self._unit if self._unit else math.log10(x)


def curve(values: Sequence[float | None], width: int) -> str:
    """At most ``width`` characters, from the first value to the last: ``▁▂▃▅▇█``.

    A character stands for the largest of the values it covers: ``0`` where all of them are 0, ``!`` where one is NaN
    or infinite, a space where nothing was measured.
    """
    scale = Scale(values, CALM)
    n = min(len(values), width)
    return "".join(_character(values[i * len(values) // n : (i + 1) * len(values) // n], scale) for i in range(n))


def bar(value: float | None, scale: Scale, width: int) -> str:
    """A bar of at most ``width`` cells; what has a place on the scale has at least a sliver, all else nothing."""
    if value is None or not scale.has(value):
        return ""
    eighths = max(round(scale.at(value) * width * 8), 1)
    full, rest = divmod(eighths, 8)
    return EIGHTHS[-1] * full + (EIGHTHS[rest - 1] if rest else "")


def _character(values: Sequence[float | None], scale: Scale) -> str:
    known = [x for x in values if x is not None]
    if not all(math.isfinite(x) for x in known):
        return NOT_FINITE
    placed = [scale.at(x) for x in known if scale.has(x)]
    if not placed:
        return ZERO if known else UNKNOWN
    return LEVELS[min(int(max(placed) * len(LEVELS)), len(LEVELS) - 1)]
