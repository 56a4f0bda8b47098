"""Lines over a common axis as inline SVG, in the colours of the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gradcheck.views import numbers

__all__ = ["Chart", "Line"]

WIDTH, HEIGHT = 400, 240  # two of them side by side fit into a notebook
LEFT, RIGHT, TOP, BOTTOM = 58, 12, 24, 40
TICKS = 5
_DASH = ' stroke-dasharray="5 3"'


@dataclass(frozen=True, slots=True)
class Line:
    """Points, a name for the legend, the colour, and the band that its values should stay in."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    band: tuple[float, float] | None = None
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines on a log scale, or on a linear one where a number is not positive.

    ``marks`` are upright lines with a word at them; ``ticks`` names places on the axis below, which else has numbers.
    """

    title: str
    below: str
    lines: Sequence[Line]
    marks: Sequence[tuple[float, str]] = ()
    ticks: Sequence[tuple[float, str]] = ()
    log: bool = True

    def to_svg(self) -> str:
        """The chart; empty where it has no point."""
        points = [point for line in self.lines for point in line.points]
        if not points:
            return ""
        log = self.log and all(y > 0 for _, y in points)
        place = _Place(points, [x for x, _ in self.marks], log)
        drawn = f'<text x="{LEFT}" y="14" font-weight="600">{escape(self.title)}</text>'
        drawn += "".join(place.band(line) for line in self.lines if line.band)
        drawn += place.frame() + self._axis(place)
        drawn += "".join(place.line(line) for line in self.lines)
        drawn += "".join(place.mark(x, word) for x, word in self.marks)
        drawn += self._legend()
        high = HEIGHT + 16 * len([line for line in self.lines if line.name])
        label = f"{self.title} against {self.below}{', on a log scale' if log else ''}: " + "; ".join(
            f"{line.name} {numbers.norm(line.points[0][1])} to {numbers.norm(line.points[-1][1])}"
            for line in self.lines
            if line.points
        )
        return (
            f'<figure><svg viewBox="0 0 {WIDTH} {high}" width="{WIDTH}" height="{high}" role="img" '
            f'aria-label="{escape(label)}">{drawn}</svg></figure>'
        )

    def _axis(self, place: _Place) -> str:
        y = HEIGHT - BOTTOM + 14
        drawn = ""
        for x, word in self.ticks or place.steps():
            drawn += f'<text x="{place.x(x):.1f}" y="{y}" text-anchor="middle">{escape(word)}</text>'
        return (
            drawn + f'<text x="{(LEFT + WIDTH) / 2}" y="{HEIGHT - 8}" text-anchor="middle">{escape(self.below)}</text>'
        )

    def _legend(self) -> str:
        drawn, y = "", HEIGHT + 8
        for line in self.lines:
            if line.name:
                dash = _DASH if line.dashed else ""
                drawn += f'<path class="line" stroke="{line.colour}"{dash} d="M{LEFT} {y - 4}h26"/>'
                drawn += f'<text x="{LEFT + 34}" y="{y}">{escape(line.name)}</text>'
                y += 16
        return drawn


class _Place:
    """Where numbers stand."""

    def __init__(self, points: Sequence[tuple[float, float]], marks: Sequence[float], log: bool) -> None:
        xs = [x for x, _ in points] + list(marks)
        self._log = log
        ys = [self._scaled(y) for _, y in points]
        self._left, self._right = min(xs), max(max(xs), min(xs) + 1e-9)
        low, high = min(ys), max(ys)
        room = max((high - low) * 0.06, 0.5 if log else abs(high) * 0.05 or 1.0)
        self._low, self._high = low - room, high + room

    def _scaled(self, y: float) -> float:
        return math.log10(y) if self._log else y

    def x(self, x: float) -> float:
        return LEFT + 8 + (x - self._left) / (self._right - self._left) * (WIDTH - LEFT - RIGHT - 16)

    def y(self, y: float) -> float:
        share = (self._scaled(y) - self._low) / (self._high - self._low)
        return TOP + (1 - max(0.0, min(1.0, share))) * (HEIGHT - TOP - BOTTOM)

    def band(self, line: Line) -> str:
        assert line.band is not None
        top, bottom = self.y(line.band[1]), self.y(line.band[0])
        return (
            f'<rect fill="{line.colour}" fill-opacity="0.14" x="{LEFT}" y="{top:.1f}" '
            f'width="{WIDTH - LEFT - RIGHT}" height="{max(bottom - top, 0):.1f}"/>'
        )

    def frame(self) -> str:
        drawn = (
            f'<rect class="axis" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"/>'
        )
        for y, word in self._levels():
            at = self.y(y)
            drawn += f'<path class="grid" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
            drawn += f'<text x="{LEFT - 5}" y="{at + 4:.1f}" text-anchor="end">{word}</text>'
        return drawn

    def _levels(self) -> list[tuple[float, str]]:
        if not self._log:
            step = (self._high - self._low) / (TICKS - 1)
            values = [self._low + i * step for i in range(TICKS)]
            return [(y, numbers.norm(y)) for y in values[1:-1]]
        first, last = math.ceil(self._low), math.floor(self._high)
        if last > first:
            stride = max(1, math.ceil((last - first + 1) / TICKS))
            named = [(float(f"1e{power}"), f"1e{power:+03d}") for power in range(first, last + 1, stride)]
            return [(y, word) for y, word in named if 0 < y < math.inf]
        finer = [float(f"{factor}e{power}") for power in range(first - 1, last + 2) for factor in (1, 2, 5)]
        inside = [y for y in finer if 0 < y < math.inf and self._low < math.log10(y) < self._high]
        return [(y, numbers.norm(y)) for y in inside]

    def mark(self, x: float, word: str) -> str:
        at = self.x(x)
        beside = f'x="{at - 4:.1f}" text-anchor="end"' if at > WIDTH - 60 else f'x="{at + 4:.1f}"'
        return (
            f'<path class="mark" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
            f'<text class="mark" {beside} y="{TOP + 12}">{escape(word)}</text>'
        )

    def steps(self) -> list[tuple[float, str]]:
        wanted = dict.fromkeys(round(self._left + i * (self._right - self._left) / 4) for i in range(5))
        return [(x, f"{x:,}") for x in wanted]

    def line(self, line: Line) -> str:
        if not line.points:
            return ""
        places = [f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in line.points]
        dash = _DASH if line.dashed else ""
        dots = "".join(f"M{place}h0" for place in places) if len(places) <= 40 else ""
        return (
            f'<path class="line" stroke="{line.colour}"{dash} d="M{"L".join(places)}"/>'
            f'<path class="line dot" stroke="{line.colour}" d="{dots}"/>'
        )
