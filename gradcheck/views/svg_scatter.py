"""Your gradient against the true one, entry by entry, with the line on which both are equal."""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING

from gradcheck.views import numbers

if TYPE_CHECKING:
    from gradcheck.picture import Picture

__all__ = ["scatter"]

WIDTH, HEIGHT = 270, 262
LEFT, TOP, SIDE = 36, 8, 214
FINEST = 1.5  # pixels: points that are nearer to one another are drawn once


def scatter(picture: Picture, name: str, truth: str) -> str:
    """The points as one path, which keeps thousands of them small."""
    pairs = [(x, y) for x, y in zip(picture.true, picture.yours, strict=True) if math.isfinite(x) and math.isfinite(y)]
    if not pairs:
        return ""
    low, high = min(min(pair) for pair in pairs), max(max(pair) for pair in pairs)
    middle, half = low / 2 + high / 2, (high / 2 - low / 2) * 1.06 or abs(high) or 1.0

    def at(x: float) -> float:
        return ((x - middle) / half + 1) / 2 * SIDE

    places = dict.fromkeys((round(at(x) / FINEST), round(at(y) / FINEST)) for x, y in pairs)
    dots = "".join(f"M{LEFT + x * FINEST:g} {TOP + SIDE - y * FINEST:g}h0" for x, y in places)
    label = f"{name}: scatter of yours against {truth}, from {numbers.norm(low)} to {numbers.norm(high)}, with y = x"
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(label)}">{_frame(at, low, high)}'
        f'<path class="even" d="M{LEFT} {TOP + SIDE}L{LEFT + SIDE} {TOP}"/>'
        f'<text x="{LEFT + SIDE - 4}" y="{TOP + 46}" text-anchor="end">y = x</text>'
        f'<path class="dots" d="{dots}"/>'
        f'<text x="{LEFT + SIDE / 2}" y="{HEIGHT - 4}" text-anchor="middle">{escape(truth)}</text>'
        f'<text transform="translate(13 {TOP + SIDE / 2}) rotate(-90)" text-anchor="middle">yours</text>'
        "</svg></figure>"
    )


def _frame(at: Callable[[float], float], low: float, high: float) -> str:
    """The box, with the smallest and the largest number, and a line at zero, on both axes."""
    drawn = f'<rect class="axis" x="{LEFT}" y="{TOP}" width="{SIDE}" height="{SIDE}"/>'
    if low < 0 < high:
        zero = at(0.0)
        drawn += f'<path class="grid" d="M{LEFT + zero:.1f} {TOP}v{SIDE}M{LEFT} {TOP + SIDE - zero:.1f}h{SIDE}"/>'
    below, ends = TOP + SIDE + 14, (numbers.norm(low), numbers.norm(high))
    drawn += f'<text x="{LEFT}" y="{below}">{ends[0]}</text>'
    drawn += f'<text x="{LEFT + SIDE}" y="{below}" text-anchor="end">{ends[1]}</text>'
    left = LEFT - 5
    drawn += f'<text transform="translate({left} {TOP + SIDE}) rotate(-90)">{ends[0]}</text>'
    return drawn + f'<text transform="translate({left} {TOP}) rotate(-90)" text-anchor="end">{ends[1]}</text>'
