"""What was compared, each with its relative error beside the limit that it was held against."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views.headline import full_name, headline
from gradcheck.views.plain import visible
from gradcheck.views.plot_style import ACCENTS, INK, MARKS, new_figure, on_log_scale

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.views.plot_figure import Plot

__all__ = ["draw"]

SMALLEST = 1e-18  # where an error of exactly 0 is drawn
MOST = 60


def draw(report: Report) -> Plot | None:
    """A row for each gradient or parameter, the first above; None where no error was measured."""
    told = [(full_name(g, report), g.verdict, g.relative_error, g.limit) for g in report.gradients]
    told += [(visible(u.name), u.verdict, u.relative_error, u.limit) for u in report.updates]
    rows = [(name, verdict, error, limit) for name, verdict, error, limit in told if error is not None][:MOST]
    if not rows:
        return None
    figure = new_figure(8.0, 0.3 * len(rows) + 1.4, headline(report))
    axes = figure.subplots()
    for i, (_, verdict, error, limit) in enumerate(rows):
        x = max(error, SMALLEST) if math.isfinite(error) else 1e3
        axes.plot([SMALLEST, x], [i, i], color="#c9ced3", linewidth=0.8, zorder=1)
        axes.plot(x, i, "o", color=ACCENTS[verdict], markeredgecolor=INK, markeredgewidth=0.5, markersize=7)
        axes.annotate(MARKS[verdict], (x, i), (7, 0), textcoords="offset points", va="center")
        if limit:
            axes.plot(limit, i, "|", color=INK, markersize=12, label="limit" if i == 0 else None)
    axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(SMALLEST / 3, 1e4)
    on_log_scale(axes, upright=False)
    axes.set_xlabel("relative error (0 is drawn at the left edge); │ the limit it was held against")
    return figure
