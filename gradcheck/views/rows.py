"""What a table of gradients says, row by row, before anything is known about the page."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Literal

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.headline import MARKS
from gradcheck.views.plain import count, visible
from gradcheck.views.runs import LONG_TABLE, in_runs

if TYPE_CHECKING:
    from gradcheck.report import GradientResult, Report, Verdict

__all__ = [
    "STYLES",
    "Detail",
    "gradient_table",
    "labels_told",
    "witness",
    "worst_columns",
    "worst_rows",
    "worst_told",
]

STYLES: dict[Verdict, str] = {"right": "green", "wrong": "bold red", "undecided": "yellow", "not differentiated": "dim"}
PROBE = "along one probe"
# How much of the probe has columns of its own; what has none is said in a line below the row where it matters.
Detail = Literal["every witness", "numeric", "verdict", "least"]


def witness(report: Report) -> str:
    """The word for the truth in this report: ``autograd``, ``reference``, ``numeric``, or ``true`` where it varies."""
    words = {g.compared_with for g in report.gradients if g.compared_with}
    return words.pop() if len(words) == 1 else "true" if words else "autograd"


def gradient_table(report: Report, detail: Detail) -> tuple[list[Column], list[Row]]:
    """The columns that this report needs at this detail, and its rows; in a long table one for each long run."""
    labels, heirs = _labels(report), _heirs(report)
    shown = [g for g in report.gradients if g not in labels]
    row = partial(_row, report=report, detail=detail, heirs=heirs)
    long = len(report.gradients) > LONG_TABLE
    return _columns(report, detail), in_runs(shown, row, lambda g: g.verdict == "right", _run_of_right, long)


def labels_told(report: Report) -> str:
    """One line for what has no row in a network's table because it has no gradient: the labels of the loss, say."""
    told = []
    for g in _labels(report):
        name = visible(f"{g.layer}.{g.of}" if g.layer else g.of)
        told.append(f"{name} ({visible(g.reason)})" if g.reason else name)
    return f"not differentiated: {', '.join(told)}" if told else ""


def _labels(report: Report) -> list[GradientResult]:
    if report.kind not in ("network", "module") or all(g.verdict == "not differentiated" for g in report.gradients):
        return []
    return [g for g in report.gradients if g.verdict == "not differentiated"]


def worst_told(report: Report) -> list[GradientResult]:
    """The gradients whose worst entries help: undecided, or wrong by a fault of their own."""
    return [g for g in report.gradients if g.worst and not g.inherits and g.verdict in ("wrong", "undecided")]


def worst_columns(gradient: GradientResult, name: str, numeric: bool) -> list[Column]:
    """The columns of the table of a gradient's worst entries."""
    columns = [
        Column("index", f"worst entries of {visible(name)}", foldable=True),
        Column("yours", "yours", right=True),
    ]
    if any(e.autograd is not None for e in gradient.worst):
        columns += [Column("true", _second_word(gradient), right=True)]
    if numeric and any(e.numeric is not None for e in gradient.worst):
        columns += [Column("numeric", "numeric", right=True)]
    return columns


def worst_rows(gradient: GradientResult, numeric: bool) -> list[Row]:
    """One row for each of the worst entries, with as many digits as it takes to see the difference."""
    pairs = ((e.yours, e.numeric if e.autograd is None else e.autograd) for e in gradient.worst)
    digits = max((numbers.digits_to_tell_apart(*pair) for pair in pairs), default=4)
    rows = []
    for e in gradient.worst:
        told = "" if e.numeric is None else _with_bar(e.numeric, e.numeric_error, digits)
        cells = {
            "index": numbers.index(gradient.name, e.index),
            "yours": numbers.value(e.yours, digits),
            "true": numbers.value(e.autograd, digits),
            "numeric": told or numbers.NOTHING,
        }
        remarks = () if numeric or not told else (f"numeric {told}",)
        rows.append(Row(cells, styles={"yours": "red"}, remarks=remarks))
    return rows


def _columns(report: Report, detail: Detail) -> list[Column]:
    columns = [Column("layer", "layer", foldable=True)] if any(g.layer for g in report.gradients) else []
    columns += [Column("gradient", "gradient", foldable=True)]
    relative = Column("relative", "rel. error", right=True)
    verdict = Column("verdict", "verdict")
    if detail == "least":
        return [*columns, relative, verdict]
    columns += [
        Column("shape", "shape", foldable=True),
        Column("yours", "‖yours‖", right=True),
        Column("true", f"‖{witness(report)}‖", right=True),
    ]
    if len({g.compared_with for g in report.gradients if g.compared_with}) > 1:
        columns += [Column("against", "true by")]
    columns += [relative, verdict]
    probes = [g.probe for g in report.gradients if g.probe is not None]
    if probes and detail == "numeric":
        columns += [Column("probe", "numeric probe", right=True)]
    if probes and detail == "every witness":
        columns += [Column("probe", "numeric", right=True, group=PROBE)]
        if any(probe.autograd is not None for probe in probes):
            columns += [Column("probe autograd", _second(report), right=True, group=PROBE)]
        if any(probe.yours is not None for probe in probes):
            columns += [Column("probe yours", "yours", right=True, group=PROBE)]
    return columns


def _heirs(report: Report) -> dict[int, str]:
    """What is said of layers below a wrong gradient, by the identity of the last result of each that inherits."""
    last = {g.layer: g for g in report.gradients if g.inherits and g.verdict == "right"}
    return {
        id(g): f"in your network {visible(layer) or 'it'} inherits the error of {visible(g.inherits)}"
        for layer, g in last.items()
    }


def _row(g: GradientResult, report: Report, detail: Detail, heirs: dict[int, str]) -> Row:
    cells = {
        "layer": visible(g.layer),
        "gradient": visible(g.name or g.of),
        "shape": numbers.shape(g.shape),
    }
    if g.verdict == "not differentiated":
        why = f": {visible(g.reason)}" if g.reason else ""
        return Row(cells, style="dim", rest=f"{MARKS[g.verdict]} {g.verdict}{why}")
    cells |= {
        "yours": numbers.norm(g.norm_yours),
        "true": numbers.norm(g.norm_true),
        "against": g.compared_with or numbers.NOTHING,
        "relative": numbers.relative(g.relative_error),
        "verdict": f"{MARKS[g.verdict]} {g.verdict}",
    }
    digits = 4
    cells |= dict.fromkeys(("probe", "probe autograd", "probe yours"), numbers.NOTHING)
    if g.probe is not None:
        if g.verdict != "right":
            others = (g.probe.autograd, g.probe.numeric)
            digits = max(numbers.digits_to_tell_apart(g.probe.yours, other) for other in others)
        cells |= {
            "probe": _with_bar(g.probe.numeric, g.probe.error, digits),
            "probe autograd": numbers.value(g.probe.autograd, digits),
            "probe yours": numbers.value(g.probe.yours, digits),
        }
    styles = {"verdict": STYLES[g.verdict]}
    if g.verdict == "wrong":
        styles |= {key: "red" for key in ("relative", "probe yours") if cells[key] != numbers.NOTHING}
        styles |= {"verdict": "red"} if g.inherits else {"gradient": "bold"}
    important = "" if g.verdict in ("wrong", "undecided") else "dim"
    return Row(cells, styles, remarks=_remarks(g, report, detail, digits, heirs), remark_style=important)


def _remarks(g: GradientResult, report: Report, detail: Detail, digits: int, heirs: dict[int, str]) -> tuple[str, ...]:
    remarks = [_probe_line(g, report, detail, digits)]
    if g.inherits and g.verdict != "right":
        remarks.append(f"inherits it from {visible(g.inherits)}")
    if g.verdict == "undecided" and not g.reason:
        remarks.append("the witnesses do not settle it")
    if g.reason:
        remarks.append(visible(g.reason))
    if g.kinks:
        entries = count(g.kinks, "entry", "entries")
        remarks.append(f"{entries} at a kink, where the slopes differ, not in rel. error")
    remarks.append(heirs.get(id(g), ""))
    # Far above the limit nobody asks for it; near to it, it is the first question.
    if g.verdict == "wrong" and g.limit is not None and g.limit < (g.relative_error or 0.0) < 1e-2:
        remarks.append(
            f"rel. error {numbers.relative(g.relative_error)} is above its limit {numbers.relative(g.limit)}"
        )
    return tuple(remark for remark in remarks if remark)


def _probe_line(g: GradientResult, report: Report, detail: Detail, digits: int) -> str:
    if g.probe is None or g.verdict == "right" or detail == "every witness":
        return ""
    told = [
        f"{word} {numbers.value(x, digits)}"
        for word, x in ((_second(report), g.probe.autograd), ("yours", g.probe.yours))
        if x is not None
    ]
    if detail == "numeric":
        return f"along that probe: {', '.join(told)}" if told else ""
    return f"along one probe: {', '.join([f'numeric {_with_bar(g.probe.numeric, g.probe.error, digits)}', *told])}"


def _run_of_right(run: list[GradientResult], many: str) -> str:
    errors = [g.relative_error for g in run if g.relative_error is not None]
    most = f", rel. error at most {numbers.relative(max(errors))}" if errors else ""
    guilty = ", ".join(dict.fromkeys(visible(g.inherits) for g in run if g.inherits))
    heirs = f"; below {guilty} they inherit its error in your network" if guilty else ""
    return f"{MARKS['right']} {many} are right{most}{heirs}"


def _with_bar(x: float, error: float | None, digits: int) -> str:
    if math.isnan(x) and error is not None and math.isinf(error):
        return numbers.NOTHING  # nothing was found there: differences of a step, of rounding
    return numbers.value(x, digits) + ("" if error is None else f" ± {numbers.error_bar(error)}")


def _second(report: Report) -> str:
    return "reference" if witness(report) == "reference" else "autograd"


def _second_word(gradient: GradientResult) -> str:
    return gradient.compared_with if gradient.compared_with in ("reference", "true") else "autograd"
