"""The table of a watched network's parameters: how large they are, their gradients, and how far a step moves them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.over_steps import Pictures, Quantity, found, span
from gradcheck.views.plain import visible
from gradcheck.views.runs import LONG_TABLE, in_runs

if TYPE_CHECKING:
    from gradcheck.report import Report
    from gradcheck.watched import ParameterHistory

__all__ = ["ParameterDetail", "parameter_table"]

ParameterDetail = Literal["everything", "no bars", "one picture", "no shape", "least"]
PICTURES: dict[ParameterDetail, tuple[Pictures, Pictures]] = {
    "everything": ("both", "both"),
    "no bars": ("curve", "curve"),
}


def parameter_table(report: Report, detail: ParameterDetail) -> tuple[list[Column], list[Row]]:
    """Columns and rows; in a long table one row for each long run of parameters that no finding names."""
    parameters = report.watched.parameters if report.watched else ()
    of_gradient, of_update = PICTURES.get(detail, ("none", "none" if detail == "least" else "curve"))
    weight = Quantity("rms", [p.weight for p in parameters], "none")
    gradient = Quantity("gradient rms", [p.gradient for p in parameters], of_gradient)
    ratio = Quantity("update / weight", [p.update_ratio for p in parameters], of_update)
    columns = [Column("parameter", "parameter", foldable=True)]
    columns += [Column("shape", "shape", foldable=True)] if detail not in ("no shape", "least") else []
    columns += weight.columns() + gradient.columns() + ratio.columns()
    columns += [Column("found", "found")] if any(p.codes for p in parameters) else []
    row = partial(_row, report=report, weight=weight, gradient=gradient, ratio=ratio)
    return columns, in_runs(parameters, row, lambda p: not p.codes, _together, len(parameters) > LONG_TABLE)


def _row(p: ParameterHistory, report: Report, weight: Quantity, gradient: Quantity, ratio: Quantity) -> Row:
    codes, accent = found(p, report)
    cells = {"parameter": visible(p.name), "shape": numbers.shape(p.shape), "found": codes}
    cells |= weight.cells(p.weight) | gradient.cells(p.gradient) | ratio.cells(p.update_ratio)
    styles = weight.styles(p.weight) | gradient.styles(p.gradient) | ratio.styles(p.update_ratio) | {"found": accent}
    return Row(cells, styles)


def _together(run: list[ParameterHistory], many: str) -> str:
    spans = [
        ("rms", span(p.weight for p in run)),
        ("gradient rms", span(p.gradient for p in run)),
        ("update / weight", span(p.update_ratio for p in run)),
    ]
    told = ", ".join(f"{name} {values}" for name, values in spans if values)
    return f"{many} parameters without a finding{': ' if told else ''}{told}"
