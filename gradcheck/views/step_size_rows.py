"""A learning rate beside the curvature of the loss: the few numbers, and where they lie on a log scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.plain import count

if TYPE_CHECKING:
    from gradcheck.updates import StepSize

__all__ = ["axis", "step_size_table"]

GIVEN, LIMIT, SUGGESTED = "●", "┃", "◆"
AXIS = 40
ROUNDING = 1e-12  # relative to the largest
MEANS = {
    "converges": "gradient descent converges",
    "diverges": "gradient descent diverges",
    "below the edge": "below the edge of stability here",
    "above the edge": "above the edge of stability here",
    "undecided": "undecided",
}


def step_size_table(size: StepSize) -> tuple[list[Column], list[Row]]:
    """Columns and rows, those that have a place on the :func:`axis` behind their sign there."""
    columns = [Column("sign", ""), Column("what", ""), Column("value", "", right=True), Column("told", "")]
    ratio = size.lr / size.limit if size.limit else math.nan
    of_limit = f"{numbers.norm(ratio)} × the limit: " if 0 < ratio < math.inf else ""
    formula = "2/λmax" if not size.momentum else "2·(1 + β)/λmax"
    momentum = f", momentum β = {numbers.written(size.momentum)}" if size.momentum else ""
    curvature = f"± {numbers.error_bar(size.lambda_error)}: λmax, the largest of the loss"
    products = f", {count(size.products, 'Hessian-vector product')}" if size.products else ""
    accent = {"diverges": "bold red", "above the edge": "yellow", "undecided": "yellow"}.get(size.verdict, "green")
    told = [
        (GIVEN, "learning rate", numbers.written(size.lr), f"{of_limit}{MEANS[size.verdict]}", accent),
        (LIMIT, "limit", numbers.value(size.limit), f"{formula}{momentum}", ""),
        (SUGGESTED, "suggested", numbers.value(size.suggested), "", ""),
        ("", "curvature", numbers.value(size.lambda_max), f"{curvature}{products}", ""),
    ]
    if size.lambda_min is not None:
        rounding = abs(size.lambda_min) < ROUNDING * abs(size.lambda_max)
        least = numbers.value(0.0 if rounding else size.lambda_min)
        told.append(("", "smallest", least, "λmin; negative where the loss curves down", ""))
    if size.rho is not None:
        meaning = "ρ = fall of the loss / (lr·‖g‖²), near 1 for a small step"
        told.append(("", "fall ratio", numbers.value(size.rho), meaning, ""))
    if size.rho_small is not None:
        told.append(
            ("", "in the limit", numbers.value(size.rho_small), "ρ of ever smaller steps, 1 for a right gradient", "")
        )
    if size.loss is not None:
        told.append(("", "loss", numbers.value(size.loss), "", ""))
    if size.norm_gradient is not None:
        told.append(("", "‖gradient‖", numbers.value(size.norm_gradient), "", ""))
    rows = []
    for sign, what, shown, meaning, style in told:
        cells = {"sign": sign, "what": what, "value": shown} | ({} if meaning else {"told": ""})
        rows.append(Row(cells, {"value": style, "sign": style}, rest=meaning))
    return columns, rows


def axis(size: StepSize) -> str:
    """A log scale of learning rates with the signs of the given one, the limit and the suggestion at their places.

    Empty where one of them has no place on it.
    """
    marks = ((size.suggested, SUGGESTED), (size.limit, LIMIT), (size.lr, GIVEN))  # of two at one place the later shows
    if not all(math.isfinite(x) and x > 0 for x, _ in marks):
        return ""
    places = [math.log10(x) for x, _ in marks]
    low, high = math.floor(min(places) - 0.2), math.ceil(max(places) + 0.2)
    line = ["─"] * AXIS
    for at, (_, sign) in zip(places, marks, strict=True):
        line[round((at - low) / (high - low) * (AXIS - 1))] = sign
    return f"1e{low:+03d} {''.join(line)} 1e{high:+03d}"
