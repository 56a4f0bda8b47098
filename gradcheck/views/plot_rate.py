"""A learning rate on a log axis, beside the limit above which gradient descent diverges."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.headline import headline
from gradcheck.views.plot_style import ACCENTS, INK, new_figure, on_log_scale

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.updates import StepSize
    from gradcheck.views.plot_figure import Plot

__all__ = ["draw"]


def draw(report: Report, size: StepSize) -> Plot | None:
    """The axis; None where the learning rate has no place on it."""
    marks = [
        (size.suggested, "suggested\n1/λmax", "D"),
        (size.limit, "limit\n2/λmax" if not size.momentum else "limit\n2·(1 + β)/λmax", "|"),
        (size.lr, "yours", "o"),
    ]
    placed = [(x, told, marker) for x, told, marker in marks if math.isfinite(x) and x > 0]
    if not placed:
        return None
    figure = new_figure(9.0, 2.3, headline(report))
    axes = figure.subplots()
    low, high = min(x for x, *_ in placed) / 4, max(x for x, *_ in placed) * 4
    axes.set_xlim(low, high)
    axes.set_ylim(-1, 1)
    if low < size.limit < high:
        axes.axvspan(low, size.limit, color=ACCENTS["right"], alpha=0.3, linewidth=0)
        axes.axvspan(size.limit, high, color=ACCENTS["wrong"], alpha=0.2, linewidth=0)
    for x, told, marker in placed:
        up = told == "yours"
        axes.plot(x, 0, marker, color=INK, markersize=26 if marker == "|" else 9, markeredgewidth=2)
        axes.annotate(
            f"{told} {numbers.written(x) if up else numbers.value(x)}", (x, 0), (0, 16 if up else -16),
            textcoords="offset points", ha="center", va="bottom" if up else "top",
        )  # fmt: skip
    on_log_scale(axes, upright=False)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel("learning rate")
    return figure
