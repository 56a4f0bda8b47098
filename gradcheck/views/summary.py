"""Many reports on one page, one line for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from gradcheck.views.blocks import finding_title
from gradcheck.views.columns import GAP, Column, Row, lay_out, natural_width
from gradcheck.views.headline import MARKS, accent, in_order, mark, outcome, statement
from gradcheck.views.numbers import NOTHING
from gradcheck.views.page import WIDEST, as_text, in_ascii, on_page, printable
from gradcheck.views.plain import count, visible
from gradcheck.views.rows import STYLES
from gradcheck.views.training_statement import faults, foremost

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from gradcheck.report import Report, Verdict

__all__ = ["Summary", "summary_table"]

ENOUGH = 36  # cells that the first finding needs to stand in its row; else it stands below
COUNTED: tuple[Verdict, ...] = ("right", "wrong", "undecided")
COLUMNS = (
    Column("mark", " "),
    Column("subject", "check", foldable=True),
    Column("right", "right", right=True),
    Column("wrong", "wrong", right=True),
    Column("undecided", "undecided", right=True),
    Column("seconds", "time", right=True),
)


def summary_table(reports: Sequence[Report], titles: Sequence[str] = (), trouble: str = "") -> Summary:
    """One line a report: print it with rich, or use ``str()``.

    ``titles``, one for each report where given, tell where it comes from; equal ones in a row are written once.
    ``trouble`` is what went wrong beside the checks, for the first line.
    """
    return Summary(reports, titles, trouble)


class Summary:
    """A table of reports, printable with rich and with ``print``."""

    def __init__(self, reports: Sequence[Report], titles: Sequence[str], trouble: str) -> None:
        self._reports = tuple(reports)
        self._titles = tuple(titles)
        self._trouble = trouble

    def to_text(self, width: int = 100, color: bool = False) -> str:
        """The table as text of at most ``width`` columns: plain, or with ANSI colours."""
        return as_text(self._lines(printable(self._reports), width), width, color)

    def __str__(self) -> str:
        return self.to_text()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        reports = in_ascii(self._reports) if options.ascii_only else self._reports
        yield from on_page(self._lines(reports, options.max_width), options)

    def _lines(self, reports: Sequence[Report], width: int) -> Iterator[Text]:
        width = min(width, WIDEST)
        outcomes = Counter(outcome(report) for report in reports)
        order: tuple[Verdict, ...] = ("wrong", "undecided", "right")
        worst = next((verdict for verdict in order if outcomes[verdict]), order[0])
        worst = order[0] if self._trouble else worst
        trouble = f"; {self._trouble}" if self._trouble else ""
        head = Text(f"{MARKS[worst]} {_total(outcomes, len(reports))}{trouble}", style="bold")
        head.stylize(STYLES[worst], 0, 1)
        yield head
        if not reports:
            return
        beside = width - natural_width(COLUMNS, [_row(report, beside=True) for report in reports]) - GAP >= ENOUGH
        rows = [_row(report, beside) for report in reports]
        finding = [Column("finding", "finding", least=ENOUGH)] if any(row.rest for row in rows) else []
        yield Text()
        yield from lay_out([*COLUMNS, *finding], self._titled(rows), width)

    def _titled(self, rows: Sequence[Row]) -> list[Row]:
        titles = [visible(title) for title in self._titles] or [""] * len(rows)
        new = [title != before for title, before in zip(titles, ["", *titles], strict=False)]
        return [
            replace(row, title=title) if first else row for row, title, first in zip(rows, titles, new, strict=True)
        ]


def _total(outcomes: Counter[Verdict], number: int) -> str:
    if number == 0:
        return "no check was made"
    told = [f"{outcomes['wrong']} failed"] if outcomes["wrong"] else []
    told += [f"{outcomes['undecided']} undecided"] if outcomes["undecided"] else []
    told += [f"{outcomes['right']} passed"] if outcomes["right"] else []
    return f"{count(number, 'check')}: {', '.join(told)}"


def _row(report: Report, beside: bool) -> Row:
    counts: Counter[str] = Counter(g.verdict for g in report.gradients)
    counts.update(u.verdict for u in report.updates)
    counts.update(c.verdict for c in report.configurations)
    counted = report.kind not in ("watch", "learning rate")  # they compare nothing one by one
    cells = {
        "mark": mark(report),
        "subject": visible(report.subject or report.style),
        "seconds": f"{report.seconds:.2f} s",
    }
    cells |= {verdict: str(counts[verdict]) if counted else NOTHING for verdict in COUNTED}
    styles = {"mark": STYLES[accent(report)]}
    styles |= {"wrong": "red" if counts["wrong"] else "dim", "undecided": "yellow" if counts["undecided"] else "dim"}
    told = _first(report)
    return Row(cells, styles, rest=told if beside else "", remarks=() if beside or not told else (told,))


def _first(report: Report) -> str:
    findings = in_order(report)
    if report.kind == "watch" and (found := faults(report)):
        findings = [foremost(found)]
    for finding in findings:
        if finding.severity != "info" or finding.code.startswith("GC2"):  # not a mere remark
            return f"{visible(finding.code)} {finding_title(finding, report)}"
    return "" if report.ok else statement(report)
