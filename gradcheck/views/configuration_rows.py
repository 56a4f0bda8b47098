"""What the table of a sweep says: one row for each configuration; of many right ones one line in their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gradcheck.views import numbers
from gradcheck.views.columns import Column, Row
from gradcheck.views.plain import count, names, visible

if TYPE_CHECKING:
    from gradcheck.configurations import Configuration
    from gradcheck.report import Report

__all__ = ["configuration_table", "sweep_statement"]

STYLES = {"right": "green", "wrong": "bold red", "undecided": "yellow", "not checked": "dim"}
MARKS = {"right": "✓", "wrong": "✗", "undecided": "?", "not checked": "·"}
LONG_TABLE = 24
LONG_RUN = 3


def sweep_statement(report: Report) -> str:
    """The sentence of the first line: for which configurations it is wrong, and that it is right for all others."""
    checked = [c for c in report.configurations if not c.reason]
    unchecked = len(report.configurations) - len(checked)
    bad = [c for c in checked if c.verdict != "right"]
    if not bad and all(f.severity != "error" for f in report.findings):
        tried = count(len(report.configurations), "configuration")
        return (
            f"right in {len(checked)} of {tried}, {unchecked} could not be checked"
            if unchecked
            else f"right in all {tried}"
        )
    first = report.findings[0] if report.findings else None
    if first is not None and first.code == "GC130":
        return visible(first.title)
    wrong = [c for c in bad if c.verdict == "wrong"]
    gradients = list(dict.fromkeys(name for c in wrong for name in c.wrong))
    which = f" ({names(gradients, most=5)})" if gradients else ""
    but = f"; {unchecked} could not be checked" if unchecked else ""
    if len(wrong) == len(report.configurations):
        return f"wrong in all {count(len(wrong), 'configuration')}{which}"
    tried = count(len(report.configurations), "configuration")
    return f"{'wrong' if wrong else 'undecided'} in {len(wrong or bad)} of {tried}{which}{but}"


def configuration_table(report: Report, shorten: bool = True) -> tuple[list[Column], list[Row]]:
    """Columns and rows; ``shorten`` tells of a long run of right configurations in one line."""
    return _columns(report), _rows(report, shorten)


def _columns(report: Report) -> list[Column]:
    """A column for each setting that is varied, then how it went."""
    settings = dict.fromkeys(name for c in report.configurations for name, _ in c.settings)
    return [
        *(Column(f"setting {name}", visible(name), foldable=True) for name in settings),
        Column("error", "rel. error", right=True),
        Column("verdict", "verdict"),
        Column("wrong", "wrong gradients", foldable=True),
    ]


def _rows(report: Report, shorten: bool) -> list[Row]:
    """In the order in which they were tried."""
    rows: list[Row] = []
    run: list[Configuration] = []
    for c in [*report.configurations, None]:
        if c is not None and shorten and len(report.configurations) > LONG_TABLE and c.verdict == "right":
            run.append(c)
            continue
        if len(run) > LONG_RUN:
            rows.append(Row({}, style="dim", remarks=(f"{MARKS['right']} {len(run)} more are right",)))
        else:
            rows += [_row(r) for r in run]
        run = []
        if c is not None:
            rows.append(_row(c))
    return rows


def _row(c: Configuration) -> Row:
    cells = {f"setting {name}": visible(value) for name, value in c.settings}
    if c.reason:
        told = c.verdict if c.verdict == "not checked" else f"{c.verdict}, not checked"
        return Row(cells, style="dim", rest=f"{MARKS[c.verdict]} {told}: {visible(c.reason)}")
    cells |= {
        "error": numbers.relative(c.largest_error),
        "verdict": f"{MARKS[c.verdict]} {c.verdict}",
        "wrong": names([visible(name) for name in c.wrong], most=4),
    }
    remarks = (visible(c.fault),) if c.fault and not c.wrong else ()
    return Row(cells, {"verdict": STYLES[c.verdict]}, remarks=remarks)
