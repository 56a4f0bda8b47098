"""The histograms of what was found at fault in a watched training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcheck.views.plot_style import LINE
from gradcheck.views.spreads import NOTHING_BUT_ZEROS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gradcheck.views.spreads import Shown

__all__ = ["PER_ROW", "draw_histogram"]

PER_ROW = 4


def draw_histogram(axes: Axes, shown: Shown) -> None:
    """Bars without a scale upwards: where the entries lie is what is to be seen."""
    bars = shown.bars
    axes.set_title(f"{shown.short}\n{shown.told}\n{shown.looked_at}", fontsize=8)
    axes.bar(range(len(bars)), bars, width=0.9, align="edge", color=LINE)
    axes.set_xlim(0, len(bars))
    axes.set_ylim(0, 1.05)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    if not any(bars):
        axes.text(0.5, 0.5, NOTHING_BUT_ZEROS, transform=axes.transAxes, ha="center", va="center")
    at, words = [0.0, float(len(bars))], list(shown.ends)
    if shown.zero is not None:
        axes.axvline(shown.zero * len(bars), color="#8a9097", linewidth=0.8, zorder=0)
        if shown.zero_named:
            at.insert(1, shown.zero * len(bars))
            words.insert(1, "0")
    axes.set_xticks(at, words)
    axes.set_xlabel(shown.left_out, fontsize=8)
