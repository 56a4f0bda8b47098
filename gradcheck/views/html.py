"""A report as an HTML fragment for notebooks: no script, nothing loaded, readable on light and on dark."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import TYPE_CHECKING

from gradcheck.views.blocks import (
    count_lines,
    explain_line,
    finding_heading,
    finding_label,
    finding_sections,
    shows_source,
)
from gradcheck.views.columns import Column, Row
from gradcheck.views.headline import accent, facts_told, full_name, headline, in_order, mark
from gradcheck.views.html_charts import charts
from gradcheck.views.html_pictures import pictures
from gradcheck.views.over_steps import PICTURE, key_told
from gradcheck.views.plain import place, source_line, visible
from gradcheck.views.power_told import power_told
from gradcheck.views.remarks import loss_line, notes_told
from gradcheck.views.rows import worst_columns, worst_rows, worst_told
from gradcheck.views.step_size_rows import axis
from gradcheck.views.tables import Table, tables

if TYPE_CHECKING:
    from gradcheck.report import Finding, Report, Where

__all__ = ["DARK", "LIGHT", "STYLE", "scrolled", "to_fragment", "to_html"]

LONG = 20  # longer names may be broken
UNLIMITED = 10_000  # the browser breaks the lines
# The accents contrast with their background by 4.5 and more (WCAG AA), on white and on what dark themes have.
LIGHT = "--right: #23743a; --wrong: #c02633; --undecided: #8a5a00; --line: #0b62b4;"
DARK = "--right: #5fcf7e; --wrong: #ff8a8a; --undecided: #e9b04c; --line: #7cb8f5;"
# How notebooks say that their theme is dark: JupyterLab, Colab, VS Code, Sphinx.
THEMES = '[data-jp-theme-light="false"], [theme="dark"], .vscode-dark, [data-theme="dark"]'
# Text and background are the notebook's own.
# Notebooks align every cell of every table to the right: hence "!important", and "table" for more weight than theirs;
# they give definitions a share of the width.
STYLE = f"""
.gradcheck {{ {LIGHT} }}
:is({THEMES}) .gradcheck {{ {DARK} }}
""" + """
.gradcheck { font-size: 0.95em; line-height: 1.45; max-width: 75em; }
.gradcheck, .gradcheck * { background: none !important; }
.gradcheck .headline { font-size: 1.1em; font-weight: 600; margin: 0.3em 0; }
.gradcheck div.scroll { overflow-x: auto; }
.gradcheck table { font-size: inherit; border-collapse: collapse; margin: 0.6em 0; font-variant-numeric: tabular-nums; }
.gradcheck table thead { border: 0; vertical-align: bottom; }
.gradcheck table th, .gradcheck table td { text-align: left !important; padding: 0.1em 1.2em 0.1em 0; border: 0; }
.gradcheck table th, .gradcheck table td { vertical-align: top; line-height: inherit; }
.gradcheck table td, .gradcheck table tbody th { white-space: nowrap; }
.gradcheck table .name { white-space: normal; overflow-wrap: anywhere; min-width: 7em; }
.gradcheck table td.rest { white-space: normal; }
.gradcheck table td.remark { white-space: normal; padding-left: 1.2em; }
.gradcheck table .number { text-align: right !important; }
.gradcheck th { font-weight: 600; }
.gradcheck th, .gradcheck .dim, .gradcheck dt { opacity: 0.75; }
.gradcheck table .group { text-align: center !important; }
.gradcheck table .group span { display: block; border-bottom: 1px solid currentColor; }
.gradcheck table tbody th { font-weight: inherit; opacity: 1; }
.gradcheck .right { color: var(--right); }
.gradcheck .wrong { color: var(--wrong); font-weight: 600; }
.gradcheck .undecided { color: var(--undecided); }
.gradcheck dl { display: grid; grid-template-columns: 6.5em 1fr; margin: 0.6em 0; }
.gradcheck dt { font-weight: 400; white-space: nowrap; }
.gradcheck .strong, .gradcheck table th.strong { font-weight: 600; opacity: 1; }
.gradcheck dt.wrong, .gradcheck dt.undecided { font-weight: 600; opacity: 1; }
.gradcheck dt, .gradcheck dd { width: auto; float: none; }
.gradcheck dd { margin: 0; overflow-wrap: anywhere; }
.gradcheck dd code { padding: 0; }
.gradcheck table td.picture, .gradcheck .picture { font-family: monospace; white-space: pre; line-height: 1.1; }
.gradcheck .pictures { display: flex; flex-wrap: wrap; gap: 0.6em 1.6em; margin: 0.6em 0; align-items: flex-start; }
.gradcheck figure { margin: 0; }
.gradcheck figcaption { margin-bottom: 0.3em; }
.gradcheck img { display: inline-block; margin: 0; max-width: none; }
.gradcheck img.map { display: block; image-rendering: pixelated; border: 1px solid #8888; }
.gradcheck .bar { font-size: 0.85em; font-variant-numeric: tabular-nums; }
.gradcheck svg { display: block; max-width: 100%; height: auto; overflow: visible; }
.gradcheck svg text { fill: currentColor; font: 11px sans-serif; }
.gradcheck svg .axis { fill: none; stroke: currentColor; opacity: 0.5; }
.gradcheck svg .grid { fill: none; stroke: currentColor; opacity: 0.25; }
.gradcheck svg .even { fill: none; stroke: currentColor; stroke-dasharray: 4 3; opacity: 0.7; }
.gradcheck svg .line { fill: none; stroke-width: 1.8; }
.gradcheck svg .dot { stroke-width: 4; stroke-linecap: round; }
.gradcheck svg path.mark { stroke: var(--wrong); stroke-width: 1.5; }
.gradcheck svg text.mark { fill: var(--wrong); font-weight: 600; }
.gradcheck svg .bars { fill: var(--line); }
.gradcheck svg .dots { fill: none; stroke: var(--line); stroke-width: 3.5; stroke-linecap: round; }
.gradcheck summary { cursor: pointer; }
.gradcheck pre { margin: 0.1em 0 0.1em 1em; padding: 0; font-size: 0.95em; color: inherit; white-space: pre-wrap; }
""".strip()


def to_html(report: Report) -> str:
    """The report as one ``<div>`` with its own style sheet; every text from the user's code is escaped."""
    return to_fragment(report, "h4", f"<style>{STYLE}</style>")


def to_fragment(report: Report, heading: str, style: str = "") -> str:
    """The report as one ``<div>`` under a heading of that level, its style sheet inside if it is to be."""
    sign = mark(report)
    sentence = escape(headline(report).removeprefix(sign))
    facts = facts_told(report)
    if report.where is not None:
        facts.append(place(report.where, UNLIMITED))
    parts = [
        f'{style}<{heading} class="headline"><span class="{accent(report)}">{sign}</span>{sentence}</{heading}>',
        f'<div class="dim">{escape(" · ".join(facts))}</div>',
    ]
    shown = [_folded(table, report) for table in tables(report)]
    worst = []
    for g in worst_told(report):
        name = full_name(g, report)
        worst.append(_table(worst_columns(g, name, True), worst_rows(g, True), f"worst entries of {name}"))
    findings = in_order(report)
    told = [_finding(finding, report, findings[:i]) for i, finding in enumerate(findings)]
    key = f'<div class="dim">{escape(key_told(table.richest() for table in tables(report)))}</div>'
    if report.kind == "watch":
        parts += [*told, _loss(report), charts(report), *shown, key]
    else:
        parts += [*shown, *worst, *told, pictures(report)]
    parts.append(_closing(report))
    return f'<div class="gradcheck">{"".join(parts)}</div>'


def _finding(finding: Finding, report: Report, above: Sequence[Finding]) -> str:
    title = f"<strong>{escape(finding_heading(finding, report))}</strong>"
    items = [(finding_label(finding), title + _where(finding.where, shows_source(finding, above)))]
    for label, lines in finding_sections(finding, above):
        items.append((label, "<br>".join(escape(line) for line in lines)))
    return _items(items, {"error": "wrong", "warning": "undecided", "info": "strong"}[finding.severity])


def _closing(report: Report) -> str:
    items = [
        ("note", f"left the trace: {escape(visible(leak.how))}{_where(leak.where)}")
        for leak in dict.fromkeys(report.leaks)
    ]
    items += [("note", escape(note)) for note in notes_told(report)]
    if power := power_told(report):
        items.append(("power", escape(power)))
    if explain := explain_line(report):
        items.append(("explain", f"<code>{escape(explain)}</code>"))
    if report.evaluations:
        items.append(("ran", escape(count_lines(report.evaluations))))
    if report.reproduce:
        items.append(
            ("reproduce", "<br>".join(f"<code>{escape(visible(x))}</code>" for x in report.reproduce.splitlines()))
        )
    return _items(items) if items else ""


def _items(items: Sequence[tuple[str, str]], first: str = "") -> str:
    """Labels and contents; the first label has the class ``first``, and help stands out wherever it is."""
    told = ""
    for i, (label, content) in enumerate(items):
        kind = first if i == 0 else "strong" if label == "help" else ""
        of_kind = f' class="{kind}"' if kind else ""
        told += f"<dt{of_kind}>{label}</dt><dd>{content}</dd>"
    return f"<dl>{told}</dl>"


def _where(where: Where | None, sourced: bool = True) -> str:
    if where is None:
        return ""
    source = (
        f"<pre>{where.line} │ {escape(source_line(where.source))}</pre>" if sourced and where.source.strip() else ""
    )
    return f' <span class="dim">{escape(place(where, UNLIMITED))}</span>{source}'


def _loss(report: Report) -> str:
    line = loss_line(report, UNLIMITED)
    return _items([("loss", f'<span class="picture">{escape(line)}</span>')]) if line else ""


def _folded(table: Table, report: Report) -> str:
    """The table; with the axis below, or behind a line that opens it."""
    columns, rows = table.richest()
    shown = _table(columns, rows, table.name)
    if table.name == "learning rate" and report.step_size is not None and (line := axis(report.step_size)):
        shown += f'<div class="picture" aria-hidden="true">{escape(line)}</div>'
    if table.summary:
        return f"<details><summary>{table.summary}</summary>{shown}</details>"
    return shown


def _table(columns: Sequence[Column], rows: Sequence[Row], name: str) -> str:
    heads = "".join(_head(column) for column in columns)
    body = "".join(_row(columns, row) for row in rows)
    head = f"<thead>{_groups(columns)}<tr>{heads}</tr></thead>" if any(c.heading for c in columns) else ""
    return scrolled(f'<table aria-label="{escape(name)}">{head}<tbody>{body}</tbody></table>', name)


def scrolled(content: str, name: str) -> str:
    """What may be wider than the page, in a frame that scrolls, by the keyboard as well."""
    return f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(name)}">{content}</div>'


def _head(column: Column) -> str:
    """A heading says that it is one; a column without has an empty cell there."""
    if not column.heading.strip():
        return "<td></td>"
    return f'<th scope="col"{_class(column, Row({}))}>{escape(column.heading)}</th>'


def _groups(columns: Sequence[Column]) -> str:
    if not any(column.group for column in columns):
        return ""
    heads = ""
    for group, members in groupby(columns, key=lambda column: column.group):
        span = f'colspan="{len(list(members))}"'
        head = f'<th scope="colgroup" class="group" {span}><span>{escape(group)}</span></th>'
        heads += head if group else f"<td {span}></td>"
    return f"<tr>{heads}</tr>"


def _row(columns: Sequence[Column], row: Row) -> str:
    given = [column for column in columns if column.key in row.cells]
    named = next((column for column in given if column.heading.strip() and not column.right), None)
    cells = "".join(_cell(column, row, column is named) for column in given)
    if row.rest:
        cells += f'<td class="rest" colspan="{len(columns) - len(given)}">{escape(row.rest)}</td>'
    lines = f"<tr{_dim(row.style)}>{cells}</tr>" if given else ""
    below = f'<tr{_dim(row.remark_style)}><td class="remark" colspan="{len(columns)}">'
    return lines + "".join(f"{below}{escape(remark)}</td></tr>" for remark in row.remarks)


def _cell(column: Column, row: Row, named: bool) -> str:
    """A cell; the one that names its row is a heading. A picture of characters is not read aloud."""
    text = escape(row.cells[column.key])
    if named and text:
        return f'<th scope="row"{_class(column, row)}>{text}</th>'
    if text and column.key.endswith(PICTURE):
        text = f'<span aria-hidden="true">{text}</span>'
    return f"<td{_class(column, row)}>{text}</td>"


def _dim(style: str) -> str:
    return ' class="dim"' if style == "dim" else ""


def _class(column: Column, row: Row) -> str:
    accents = {"green": "right", "red": "wrong", "bold red": "wrong", "yellow": "undecided", "bold": "strong"}
    names = ["number"] if column.right else ["picture"] if column.key.endswith(PICTURE) and row.cells else []
    names += ["name"] if column.foldable and len(row.cells.get(column.key, "")) > LONG else []
    names += [accents[row.styles[column.key]]] if row.styles.get(column.key) in accents else []
    return f' class="{" ".join(names)}"' if names else ""
