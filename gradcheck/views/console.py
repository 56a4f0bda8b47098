"""A report on a terminal, and as plain text."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from gradcheck.views.blocks import START, block, count_lines, explain_line, finding_lines, leak_lines
from gradcheck.views.columns import INDENT, lay_out, natural_width
from gradcheck.views.headline import accent, facts_told, full_name, headline, in_order
from gradcheck.views.over_steps import key_told
from gradcheck.views.page import WIDEST, as_text, in_ascii, on_page, printable
from gradcheck.views.plain import count, place, visible, wrap
from gradcheck.views.power_told import power_told
from gradcheck.views.remarks import loss_line, notes_told
from gradcheck.views.rows import STYLES, worst_columns, worst_rows, worst_told
from gradcheck.views.step_size_rows import axis
from gradcheck.views.tables import Made, Table, tables

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

    from gradcheck.report import Report

__all__ = ["render", "terminal_width", "to_line", "to_text"]

ORDINARY = 100  # on a wide page, what stands at the right edge stands here, or where the table ends
_NARROWEST = 60
WORST_TABLES = 3
WORST_ENTRIES = 5


def render(report: Report, console: Console, options: ConsoleOptions) -> RenderResult:  # noqa: ARG001 (rich's protocol)
    """Yield the report's lines for a rich console, none wider than ``options.max_width``."""
    printable = in_ascii(report) if options.ascii_only else report
    yield from on_page(_lines(printable, options.max_width), options)


def terminal_width() -> int:
    """The width that a text is given: 100 columns, or those of the terminal it is likely printed on, if they are fewer.

    A text that is not for a terminal, in a file, a log or a test, is the same everywhere.
    """
    stream = sys.stdout
    if stream is None or not stream.isatty():
        return ORDINARY
    return max(_NARROWEST, min(ORDINARY, shutil.get_terminal_size().columns))


def to_text(report: Report, width: int = 100, color: bool = False, signed: bool = True) -> str:
    """The report as text of at most ``width`` columns: plain, or with ANSI colours; ``signed`` with our name."""
    return as_text(_lines(printable(report), width, signed), width, color)


def to_line(report: Report) -> str:
    """The report's first line, as a Python prompt shows an object."""
    return printable(f"<Report: {headline(report)}>")


def _lines(report: Report, width: int, signed: bool = True) -> Iterator[Text]:
    width = min(width, WIDEST)
    made = [(table, table.fitting(width)) for table in tables(report)]
    shown = [_table(table, made_of, report, width) for table, made_of in made]
    table_width = max((cell_len(line.plain) for table in shown for line in table), default=0)
    measure = min(width, max(table_width, ORDINARY, cell_len(headline(report)) + INDENT))
    findings = in_order(report)
    told = [finding_lines(finding, report, measure, findings[:i]) for i, finding in enumerate(findings)]
    if report.kind == "watch":  # what was found says how to read the tables
        key = key_told(made_of for _, made_of in made)
        parts = [*told, _loss(report, measure), *shown, _dim(key, measure)]
    else:
        parts = [*shown, *_worst(report, measure), *told]
    parts.append(_closing(report, measure))
    yield from _head(report, measure, signed)
    for part in parts:
        if part:
            yield Text()
            yield from part


def _head(report: Report, width: int, signed: bool) -> Iterator[Text]:
    version = dict(report.versions).get("gradcheck", "").removesuffix(".0")
    tool = f"gradcheck {visible(version)}".rstrip() if signed else ""
    pieces = wrap(headline(report), width - INDENT, hang=INDENT)
    for i, piece in enumerate(pieces):
        line = Text(piece, style="bold")
        if i == 0:
            line.stylize(STYLES[accent(report)], 0, 1)
        room = width - cell_len(piece) - len(tool)
        if tool and len(pieces) == 1 and room >= 3:
            line.append(" " * room + tool, style="not bold dim")
        yield line
    facts = " · ".join(facts_told(report))
    where = place(report.where, width - INDENT) if report.where is not None else ""
    beside = f"{facts} · {where}" if where else facts
    for text in [beside] if cell_len(beside) <= width - INDENT else [facts, where]:
        yield from _dim(text, width)


def _table(table: Table, made: Made, report: Report, width: int) -> list[Text]:
    lines = lay_out(*made, width)
    if table.name == "learning rate" and report.step_size is not None and (line := axis(report.step_size)):
        lines += [Text(), Text(" " * INDENT + line)]
    return lines


def _worst(report: Report, width: int) -> list[list[Text]]:
    """A table of worst entries for the first gradients that have them to show."""
    shown = worst_told(report)
    tables = []
    for g in shown[:WORST_TABLES]:
        name = full_name(g, report)
        numeric = natural_width(worst_columns(g, name, True), worst_rows(g, True)) <= width
        rows = worst_rows(g, numeric)
        table = lay_out(worst_columns(g, name, numeric), rows[:WORST_ENTRIES], width)
        tables.append(table + _remainder(len(rows) - WORST_ENTRIES, "more entry", "more entries"))
    if len(shown) > WORST_TABLES:
        tables.append(
            _remainder(len(shown) - WORST_TABLES, "more gradient's worst entries", "more gradients' worst entries")
        )
    return tables


def _dim(text: str, width: int) -> list[Text]:
    return [Text(" " * INDENT + piece, style="dim") for piece in wrap(text, width - INDENT) if piece]


def _loss(report: Report, width: int) -> list[Text]:
    line = loss_line(report, width - START)
    return block("loss", [line], width) if line else []


def _remainder(left_out: int, noun: str, plural: str) -> list[Text]:
    if left_out <= 0:
        return []
    return [Text(f"{' ' * INDENT}{count(left_out, noun, plural)} in report.gradients", style="dim")]


def _closing(report: Report, width: int) -> list[Text]:
    closing = leak_lines(report, width)
    for note in notes_told(report):
        closing += block("note", [note], width)
    if power := power_told(report):
        closing += block("power", [power], width)
    if explain := explain_line(report):
        closing += block("explain", [explain], width)
    if report.evaluations:
        closing += block("ran", [count_lines(report.evaluations)], width)
    for i, line in enumerate(report.reproduce.splitlines()):
        # Copied as it stands it shall run: its own line breaks are kept, ours come at spaces.
        closing += block("" if i else "reproduce", [visible(line)], width)
    return closing
