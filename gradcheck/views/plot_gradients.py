"""Gradients that are not right: yours, the true one and their difference as heat maps, and a scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck.views.headline import full_name, headline
from gradcheck.views.plot_style import INK, LINE, diverging_map, new_figure
from gradcheck.views.tiles import laid_out, layout_told, scales, true_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gradcheck.picture import Picture
    from gradcheck.report import GradientResult, Report
    from gradcheck.views.plot_figure import Plot

__all__ = ["draw"]

MOST = 4  # rows; more do not fit a screen
ROW, WIDTH = 2.5, 11.0  # inches


def draw(report: Report) -> Plot | None:
    """One row for each gradient with a picture; None where there is none."""
    shown = [(g, g.picture) for g in report.gradients if g.picture is not None]
    if not shown:
        return None
    figure = new_figure(WIDTH, ROW * min(len(shown), MOST) + 0.5, headline(report))
    rows = figure.subplots(min(len(shown), MOST), 4, squeeze=False)
    for (g, picture), axes in zip(shown, rows, strict=False):
        _row(g, picture, full_name(g, report), list(axes))
    if len(shown) > MOST:
        figure.supxlabel(f"{len(shown) - MOST} more in report.gradients", x=0.01, ha="left", fontsize=8)
    return figure


def _row(g: GradientResult, picture: Picture, name: str, axes: Sequence[Axes]) -> None:
    truth = true_name(g.compared_with)
    of_yours, of_true, of_difference = scales(picture)
    _map(axes[0], picture.yours, picture, of_yours, f"{name}: yours")
    _map(axes[1], picture.true, picture, of_true, truth)
    _map(axes[2], picture.difference, picture, of_difference, f"yours − {truth}")
    axes[0].set_xlabel(layout_told(picture).replace("; ", "\n").replace(", [", "\n["), fontsize=7, loc="left")
    _scatter(axes[3], picture, truth)


def _map(axes: Axes, values: Sequence[float], picture: Picture, scale: float, title: str) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    colours, norm = diverging_map(), Normalize(-(scale or 1.0), scale or 1.0)
    nothing = (1.0, 1.0, 1.0, 0.0)
    image = [
        [nothing if x is None else colours(norm(x) if math.isfinite(x) else math.nan) for x in row]
        for row in laid_out(values, picture)
    ]
    rows, columns = len(image), len(image[0])
    axes.imshow(image, aspect="equal" if max(rows, columns) < 12 * min(rows, columns) else "auto", interpolation="none")
    axes.set_title(title)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = axes.figure.colorbar(ScalarMappable(norm, colours), ax=axes, shrink=0.8, aspect=25, pad=0.03)
    bar.set_ticks([-(scale or 1.0), 0.0, scale or 1.0])
    bar.ax.set_yticklabels([f"{x:.3g}" for x in (-(scale or 1.0), 0.0, scale or 1.0)], fontsize=7)


def _scatter(axes: Axes, picture: Picture, truth: str) -> None:
    pairs = [(x, y) for x, y in zip(picture.true, picture.yours, strict=True) if math.isfinite(x + y)]
    axes.set_xlabel(truth)
    axes.set_ylabel("yours")
    if not pairs:
        return
    low, high = min(map(min, pairs)), max(map(max, pairs))
    room = (high - low) * 0.05 or 1.0
    axes.plot([low - room, high + room], [low - room, high + room], "--", color=INK, linewidth=0.9, label="y = x")
    axes.plot([x for x, _ in pairs], [y for _, y in pairs], ".", color=LINE, markersize=3.5, alpha=0.75)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    axes.set_aspect("equal")
    axes.locator_params(nbins=4)
    axes.legend(loc="upper left", handlelength=1.5)
