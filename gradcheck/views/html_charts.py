"""The charts of a watched training on a page: sizes against depth, over the steps, histograms of what is at fault."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views.colours import as_hex, ramp
from gradcheck.views.courses import births, chosen, depth, positive, short_names
from gradcheck.views.spreads import HEADING, histograms
from gradcheck.views.svg_chart import Chart, Line
from gradcheck.views.svg_histogram import histogram

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.watched import Watched

__all__ = ["charts"]

MOST_NAMES = 5
BAND_TOLD = "shaded: a factor of 1,000 around the median, which a healthy network stays in"


def charts(report: Report) -> str:
    """The charts behind a line that folds them; empty where there is nothing to draw."""
    if report.watched is None:
        return ""
    drawn = _depth(report) + _over_steps(report, report.watched)
    if not drawn:
        return ""
    banded = any(found.band for found in depth(report))
    told = f'<div class="dim">{BAND_TOLD}</div>' if banded else ""
    return (
        f'<details open><summary>in pictures</summary><div class="pictures">{drawn}</div>{told}</details>'
        f"{_histograms(report)}"
    )


def _histograms(report: Report) -> str:
    drawn = "".join(histogram(shown) for shown in histograms(report))
    return drawn and f'<details open><summary>{HEADING}</summary><div class="pictures">{drawn}</div></details>'


def _depth(report: Report) -> str:
    assert report.watched is not None
    layers = report.watched.layers
    if len(layers) < 2:
        return ""
    colours = [as_hex(colour) for colour in ramp(2)]
    lines = []
    for found, colour in zip(depth(report), colours, strict=False):
        points = [(float(i), x) for i, x in enumerate(found.values) if x is not None]
        lines.append(Line(found.name, points, colour, found.band, dashed=found.name == "gradient"))
    marks = [(float(birth.layer), birth.told) for birth in births(report) if birth.layer is not None]
    at = dict.fromkeys(round(i * (len(layers) - 1) / (MOST_NAMES - 1)) for i in range(MOST_NAMES))
    names = short_names(layers, 13)
    ticks = [(float(i), names[i]) for i in at]
    return Chart("rms of every layer, last sample", "depth", lines, marks, ticks).to_svg()


def _over_steps(report: Report, watched: Watched) -> str:
    marks = [(float(birth.step), birth.told) for birth in births(report) if birth.step is not None]
    layers = chosen(watched.layers)
    colours = [as_hex(colour) for colour in ramp(len(layers))]
    drawn = ""
    if len(watched.loss.values) > 1:
        points = [
            (float(step), x)
            for step, x in zip(watched.loss.steps, watched.loss.values, strict=False)
            if x is not None and math.isfinite(x)
        ]
        drawn += Chart("loss", "step", [Line("", points, "currentColor")], marks).to_svg()
    for title, courses in (
        ("activation rms", [layer.activation for layer in layers]),
        ("gradient rms", [layer.gradient for layer in layers]),
    ):
        named = zip(short_names(layers, 18), courses, colours, strict=True)
        lines = [Line(name, [(float(s), x) for s, x in positive(c)], colour) for name, c, colour in named]
        if any(len(line.points) > 1 for line in lines):
            drawn += Chart(title, "step", [line for line in lines if line.points], marks).to_svg()
    return drawn
