"""Aligned columns that always fit: columns may be left out, names are folded, numbers are never cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.text import Text

from gradcheck.views.plain import fold, wrap

__all__ = ["INDENT", "Column", "Row", "lay_out", "natural_width"]

INDENT = 2
GAP = 2
NARROWEST = 5  # a folded name keeps at least this many cells
ROOM = 20  # cells that prose needs to be readable
EXPECTED = 16  # names longer than this are folded before a column of numbers is left out


@dataclass(frozen=True, slots=True)
class Column:
    """One column, at least ``least`` cells wide; neighbours with the same ``group`` share a heading above their own."""

    key: str
    heading: str
    right: bool = False
    group: str = ""
    foldable: bool = False
    least: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the cells by column; ``rest`` stands in place of the columns after the last cell.

    ``title`` goes above it, over the whole width; remarks go below.
    """

    cells: Mapping[str, str]
    styles: Mapping[str, str] = field(default_factory=dict)
    style: str = ""
    rest: str = ""
    remarks: tuple[str, ...] = ()
    remark_style: str = "dim"
    title: str = ""


def natural_width(columns: Sequence[Column], rows: Sequence[Row]) -> int:
    """The width at which no number is cut and no name of ordinary length is folded."""
    widths = _widths(columns, rows)
    return _total([min(w, EXPECTED) if c.foldable else w for c, w in zip(columns, widths, strict=True)])


def lay_out(columns: Sequence[Column], rows: Sequence[Row], width: int, heading: str = "dim") -> list[Text]:
    """The table's lines, folding the longest names until it fits ``width``."""
    widths = _widths(columns, rows)
    while _total(widths) > width:
        candidates = [i for i, c in enumerate(columns) if c.foldable and widths[i] > NARROWEST]
        if not candidates:
            break
        widths[max(candidates, key=lambda i: widths[i])] -= 1
    lines = []
    if any(row.cells for row in rows) and any(c.heading.strip() for c in columns):
        lines += _group_headings(columns, widths)
        lines += _cells(columns, widths, {c.key: c.heading for c in columns}, {}, heading)
    below = _remarks_from(widths, rows, width)
    for row in rows:
        if row.title:
            pieces = wrap(row.title, max(width - INDENT, ROOM), hang=INDENT)
            lines += [Text(" " * INDENT + piece, style="dim") for piece in pieces]
        lines += _row(columns, widths, row, width)
        for remark in row.remarks:
            pieces = wrap(remark, max(width - below, ROOM), hang=2)
            lines += [Text(" " * below + piece, style=row.remark_style) for piece in pieces]
    return lines


def _widths(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    return [
        max(c.least, cell_len(c.heading), max((cell_len(row.cells.get(c.key, "")) for row in rows), default=0))
        for c in columns
    ]


def _total(widths: Sequence[int]) -> int:
    return INDENT + sum(widths) + GAP * (len(widths) - 1)


def _group_headings(columns: Sequence[Column], widths: Sequence[int]) -> list[Text]:
    line = " " * INDENT
    groups: dict[str, list[int]] = {}
    for i, column in enumerate(columns):
        if column.group:
            groups.setdefault(column.group, []).append(i)
    if not groups:
        return []
    for group, members in groups.items():
        start = _total(widths[: members[0]]) + GAP
        span = sum(widths[i] for i in members) + GAP * (len(members) - 1)
        line = line.ljust(start) + f" {group} ".center(span, "─")
    return [Text(line, style="dim")]


def _remarks_from(widths: Sequence[int], rows: Sequence[Row], width: int) -> int:
    """Where remarks start: under the second column, or further left where one then fits on its line."""
    under, left = _total(widths[:1]) + GAP, 2 * INDENT
    lengths = [cell_len(remark) for row in rows for remark in row.remarks]
    return left if under > width // 3 or any(width - under < length <= width - left for length in lengths) else under


def _row(columns: Sequence[Column], widths: Sequence[int], row: Row, width: int) -> list[Text]:
    if not row.rest:
        lines = _cells(columns, widths, row.cells, row.styles, row.style) if row.cells else []
    else:
        given = [i for i, column in enumerate(columns) if column.key in row.cells]
        own = given[-1] + 1
        lines = _cells(columns[:own], widths[:own], row.cells, row.styles, row.style)
        start = _total(widths[:own]) + GAP
        for i, piece in enumerate(wrap(row.rest, max(width - start, ROOM))):
            if i == len(lines):
                lines.append(Text())
            lines[i].append(" " * (start - cell_len(lines[i].plain)) + piece, style=row.style)
    return lines


def _cells(
    columns: Sequence[Column], widths: Sequence[int], cells: Mapping[str, str], styles: Mapping[str, str], style: str
) -> list[Text]:
    pieces = [
        fold(cells.get(c.key, ""), w) if c.foldable else [cells.get(c.key, "")]
        for c, w in zip(columns, widths, strict=True)
    ]
    lines = []
    for n in range(max(len(p) for p in pieces)):
        line = Text(" " * INDENT, style=style)
        for i, (column, w) in enumerate(zip(columns, widths, strict=True)):
            piece = pieces[i][n] if n < len(pieces[i]) else ""
            padding = " " * (w - cell_len(piece))
            line.append(" " * GAP if i else "")
            line.append(padding + piece if column.right else piece + padding, style=styles.get(column.key, ""))
        line.rstrip()
        lines.append(line)
    return lines
