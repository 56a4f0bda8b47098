"""A watched training: sizes against depth with the healthy band, their courses over the steps, the loss, births."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views.courses import births, chosen, depth, positive, short_names
from gradcheck.views.headline import headline
from gradcheck.views.plot_histograms import PER_ROW, draw_histogram
from gradcheck.views.plot_style import ACCENTS, INK, colours_of, new_figure, on_log_scale
from gradcheck.views.spreads import histograms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from gradcheck.report import Report
    from gradcheck.views.plot_figure import Plot
    from gradcheck.watched import LayerHistory, Series

__all__ = ["draw"]

MOST_NAMES = 24
LOW = 1.8  # inches, a row of histograms


def draw(report: Report) -> Plot | None:
    """Four panels, and below them the histograms; None where nothing was measured."""
    watched = report.watched
    if watched is None or not (depth(report) or any(x is not None for x in watched.loss.values)):
        return None
    shown = histograms(report)
    rows = math.ceil(len(shown) / PER_ROW)
    figure = new_figure(11.0, 6.6 + LOW * rows, headline(report))
    parts = figure.add_gridspec(2 + rows, PER_ROW, height_ratios=[3.0] * 2 + [LOW] * rows)
    half = PER_ROW // 2
    _depth(figure.add_subplot(parts[0, :half]), report)
    _loss(figure.add_subplot(parts[0, half:]), watched.loss, report)
    layers = chosen(watched.layers)
    for columns, title, courses in (
        (slice(half), "activation rms", [(layer, layer.activation) for layer in layers]),
        (slice(half, None), "gradient rms", [(layer, layer.gradient) for layer in layers]),
    ):
        _courses(figure.add_subplot(parts[1, columns]), title, courses, report)
    for i, found in enumerate(shown):
        draw_histogram(figure.add_subplot(parts[2 + i // PER_ROW, i % PER_ROW]), found)
    return figure


def _depth(axes: Axes, report: Report) -> None:
    names = short_names(report.watched.layers, 18) if report.watched else []
    axes.set_title("rms by layer, last sample; shaded: a factor of 1,000")
    for found, colour, marker in zip(depth(report), colours_of(2), ("o-", "s--"), strict=False):
        points = [(i, x) for i, x in enumerate(found.values) if x is not None]
        axes.plot([i for i, _ in points], [x for _, x in points], marker, color=colour, label=found.name)
        if found.band:
            axes.axhspan(*found.band, color=colour, alpha=0.12, linewidth=0)
    if axes.lines:
        on_log_scale(axes)
        axes.legend()
    for birth in births(report):
        if birth.layer is not None:
            _mark(axes, birth.layer, birth.told)
    stride = max(1, math.ceil(len(names) / MOST_NAMES))
    at = range(0, len(names), stride)
    axes.set_xticks(at, [names[i] for i in at])
    axes.tick_params(axis="x", rotation=45 if len(names) > 4 else 0, labelsize=7)


def _loss(axes: Axes, course: Series, report: Report) -> None:
    points = [(s, x) for s, x in zip(course.steps, course.values, strict=False) if x is not None and math.isfinite(x)]
    axes.set_title("loss")
    axes.set_xlabel("step")
    axes.plot([s for s, _ in points], [x for _, x in points], color=INK)
    if points and all(x > 0 for _, x in points):
        on_log_scale(axes)
    _steps(axes, report)


def _courses(axes: Axes, title: str, courses: list[tuple[LayerHistory, Series]], report: Report) -> None:
    axes.set_title(f"{title}, from the first layer (blue) to the last (orange)")
    axes.set_xlabel("step")
    names = short_names([layer for layer, _ in courses], 18)
    for name, (_, course), colour in zip(names, courses, colours_of(len(courses)), strict=True):
        points = positive(course)
        if points:
            axes.plot([s for s, _ in points], [x for _, x in points], color=colour, label=name)
    if axes.lines:
        on_log_scale(axes)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    _steps(axes, report)


def _steps(axes: Axes, report: Report) -> None:
    for birth in births(report):
        if birth.step is not None:
            _mark(axes, birth.step, birth.told)


def _mark(axes: Axes, x: float, told: str) -> None:
    axes.axvline(x, color=ACCENTS["wrong"], linewidth=1.2)
    axes.annotate(
        told, (x, 1), (-3, -3), xycoords=("data", "axes fraction"), textcoords="offset points",
        color=ACCENTS["wrong"], ha="right", va="top", fontweight="bold",
    )  # fmt: skip
