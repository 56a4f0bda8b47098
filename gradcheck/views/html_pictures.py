"""Pictures of a gradient that is not right: heat maps of yours, the true one and their difference, and a scatter."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.colours import LEVELS, level
from gradcheck.views.headline import full_name
from gradcheck.views.plain import visible
from gradcheck.views.png import EMPTY, UNKNOWN, as_address
from gradcheck.views.svg_scatter import scatter
from gradcheck.views.tiles import laid_out, layout_told, scales, true_name

if TYPE_CHECKING:
    from gradcheck.picture import Picture
    from gradcheck.report import Report

__all__ = ["pictures"]

SIDE = 250  # pixels on the page that a heat map may take
CELL = 22  # pixels that a cell may take


def pictures(report: Report) -> str:
    """One foldable part for each gradient with a picture, in a sweep for the first configuration; the first is open."""
    told = ""
    for g in report.gradients:
        if g.picture is not None:
            told += _of(g.picture, g.compared_with, full_name(g, report), opened=not told)
    for c in report.configurations:
        at = visible(", ".join(f"{name} {value}" for name, value in c.settings))
        for one in c.drawn:
            told += _of(one.picture, one.compared_with, visible(one.name), at and f", {at}", opened=not told)
    return told


def _of(picture: Picture, compared_with: str, name: str, at: str = "", *, opened: bool) -> str:
    truth = true_name(compared_with)
    of_yours, of_true, of_difference = scales(picture)
    maps = (
        _map(picture.yours, picture, of_yours, "yours", f"{name}, yours")
        + _map(picture.true, picture, of_true, truth, f"{name}, {truth}")
        + _map(picture.difference, picture, of_difference, f"yours − {truth}", f"{name}, yours minus {truth}")
    )
    told = "; ".join(part for part in (layout_told(picture), "each on its own scale" * (of_yours != of_true)) if part)
    below = f'<div class="dim">{escape(told)}</div>' if told else ""
    drawn = f'<div class="pictures">{maps}{scatter(picture, name, truth)}</div>{below}'
    summary = f"<summary>{escape(name)} in pictures{escape(at)}</summary>"
    return f"<details{' open' if opened else ''}>{summary}{drawn}</details>"


def _map(values: Sequence[float], picture: Picture, scale: float, caption: str, name: str) -> str:
    rows = [[_pixel(x, scale) for x in row] for row in laid_out(values, picture)]
    cell = min(CELL, SIDE / len(rows[0]), SIDE / len(rows))
    size = f'width="{max(1, round(cell * len(rows[0])))}" height="{max(1, round(cell * len(rows)))}"'
    alt = f"{name}: heat map, colours from {numbers.norm(-scale)} to {numbers.norm(scale)}"
    image = f'<img class="map" src="{as_address(rows)}" {size} alt="{escape(alt)}">'
    return f"<figure><figcaption>{escape(caption)}</figcaption>{image}{_bar(scale)}</figure>"


def _bar(scale: float) -> str:
    """What the colours mean; beside it the numbers at its ends, of which the alternative text speaks already."""
    image = f'<img src="{as_address([range(LEVELS)])}" width="90" height="9" alt="">'
    return f'<span class="bar">{numbers.norm(-scale)} {image} {numbers.norm(scale)}</span>'


def _pixel(x: float | None, scale: float) -> int:
    if x is None:
        return EMPTY
    found = level(x, scale)
    return UNKNOWN if found is None else found
