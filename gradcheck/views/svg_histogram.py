"""A histogram as inline SVG, in the colours of the page."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from gradcheck.views.spreads import NOTHING_BUT_ZEROS

if TYPE_CHECKING:
    from gradcheck.views.spreads import Shown

__all__ = ["histogram"]

WIDTH, HEIGHT = 230, 162
LEFT, TOP, WIDE, HIGH = 6, 36, 218, 84


def histogram(shown: Shown) -> str:
    """The bars, with what they are of above them and what they do not show below."""
    below = TOP + HIGH + 14
    low, high = shown.ends
    middle = "" if any(shown.bars) else NOTHING_BUT_ZEROS
    return (
        f'<figure><svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" role="img" '
        f'aria-label="{escape(shown.spoken)}">'
        f'<text x="{LEFT}" y="14" font-weight="600">{escape(shown.short)}</text>'
        f'<text x="{LEFT}" y="29">{escape(shown.told)}</text>'
        f'{_zero(shown)}<path class="bars" d="{_bars(shown)}"/>'
        f'<path class="axis" d="M{LEFT} {TOP + HIGH}h{WIDE}"/>'
        f'<text x="{LEFT + WIDE / 2}" y="{TOP + HIGH / 2}" text-anchor="middle">{middle}</text>'
        f'<text x="{LEFT}" y="{below}">{low}</text>'
        f'<text x="{LEFT + WIDE}" y="{below}" text-anchor="end">{high}</text>'
        f'<text x="{LEFT}" y="{HEIGHT - 10}">{escape(shown.remark)}</text>'
        "</svg></figure>"
    )


def _bars(shown: Shown) -> str:
    wide = WIDE / max(len(shown.bars), 1)
    drawn = ""
    for i, share in enumerate(shown.bars):
        if share:
            tall = max(share * HIGH, 1.0)  # one entry among thousands is still seen
            drawn += f"M{LEFT + i * wide:.1f} {TOP + HIGH}v-{tall:.1f}h{wide - 0.8:.1f}v{tall:.1f}z"
    return drawn


def _zero(shown: Shown) -> str:
    if shown.zero is None:
        return ""
    at = LEFT + shown.zero * WIDE
    told = f'<text x="{at:.1f}" y="{TOP + HIGH + 14}" text-anchor="middle">0</text>' if shown.zero_named else ""
    return f'<path class="grid" d="M{at:.1f} {TOP}v{HIGH}"/>{told}'
