"""What is drawn of a watched training: sizes against depth with the healthy band, and their courses over the steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from gradcheck.views.plain import visible

if TYPE_CHECKING:
    from gradcheck.report import Finding, Report
    from gradcheck.watched import LayerHistory, ParameterHistory, Series

__all__ = ["BAND", "Birth", "Depth", "births", "chosen", "depth", "positive", "short_names"]

BAND = 1e3  # a size that changes by more than this from the first layer to the last is what the rules call ill
MOST_LINES = 8
_LARGEST = 307.0  # of the exponents of ten that float64 holds


@dataclass(frozen=True, slots=True)
class Depth:
    """One quantity of every layer at the last sample where it was finite, and the band around its median."""

    name: str
    values: tuple[float | None, ...]
    band: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Birth:
    """The first NaN or infinity: the place of its layer (None where it is no layer's), the step, and a word."""

    layer: int | None
    step: int | None
    told: str


def depth(report: Report) -> list[Depth]:
    """Activations and gradients from the first layer to the last; none where nothing was measured."""
    layers = report.watched.layers if report.watched else ()
    found = []
    for name, courses in (
        ("activation", [layer.activation for layer in layers]),
        ("gradient", [layer.gradient for layer in layers]),
    ):
        values = tuple(_last_positive(course) for course in courses)
        known = [x for x in values if x is not None]
        if known:
            middle = math.log10(median(known))
            half = math.log10(BAND) / 2
            band = (_ten_to(middle - half), _ten_to(middle + half)) if len(known) > 1 else None
            found.append(Depth(name, values, band))
    return found


def _ten_to(exponent: float) -> float:
    """A power of ten that float64 holds, above zero."""
    return float(10 ** max(min(exponent, _LARGEST), -_LARGEST))


def births(report: Report) -> list[Birth]:
    """Where and when something that is not finite was born."""
    names = [layer.name for layer in report.watched.layers] if report.watched else []
    return [
        Birth(names.index(f.layer) if f.layer in names else None, f.step, _word(f))
        for f in report.findings
        if f.code == "GC300"
    ]


def _word(finding: Finding) -> str:
    return "NaN" if "nan" in finding.title.lower() else "inf"


def chosen(layers: Sequence[LayerHistory]) -> list[LayerHistory]:
    """The layers whose courses are drawn: few enough to be told apart, those with findings first, in their order."""
    if len(layers) <= MOST_LINES:
        return list(layers)
    spread = [layers[round(i * (len(layers) - 1) / (MOST_LINES - 1))] for i in range(MOST_LINES)]
    found = [layer for layer in layers if layer.codes][: MOST_LINES - 2]
    wanted = {id(layer) for layer in [*found, layers[0], layers[-1], *spread][:MOST_LINES]}
    return [layer for layer in layers if id(layer) in wanted]


def positive(course: Series) -> list[tuple[int, float]]:
    """The points that have a place on a log scale."""
    return [
        (step, x)
        for step, x in zip(course.steps, course.values, strict=False)
        if x is not None and math.isfinite(x) and x > 0
    ]


def _last_positive(course: Series) -> float | None:
    points = positive(course)
    return points[-1][1] if points else None


def short_names(rows: Sequence[LayerHistory | ParameterHistory], width: int) -> list[str]:
    """Names for a legend or an axis: without what all have in common, and cut at the left.

    ``encoder.0.attention.out``, ``encoder.1.attention.out`` are ``0`` and ``1``.
    """
    parts = [visible(row.name).split(".") for row in rows]
    shortest = min(map(len, parts), default=0)
    ahead = _common(parts, shortest - 1)
    behind = _common([part[::-1] for part in parts], shortest - 1 - ahead)
    names = [".".join(part[ahead : len(part) - behind]) for part in parts]
    return [name if len(name) <= width else f"…{name[1 - width :]}" for name in names]


def _common(parts: Sequence[Sequence[str]], most: int) -> int:
    """How many parts at the beginning are the same in all, at most so many; none where there is only one name."""
    same = 0
    while same < most and len(parts) > 1 and len({part[same] for part in parts}) == 1:
        same += 1
    return same
