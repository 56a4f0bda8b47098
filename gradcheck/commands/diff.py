"""``gradcheck diff``: what broke, and what was mended, between two runs that were saved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import Console
from rich.text import Text

from gradcheck.commands.changes import Change, Kind, changes
from gradcheck.commands.printed import ALL_RIGHT, MISUSE, WRONG
from gradcheck.commands.show import loaded
from gradcheck.views.columns import Column, Row, lay_out
from gradcheck.views.page import WIDEST, on_page
from gradcheck.views.plain import visible

__all__ = ["diff"]

SHOWN: tuple[Kind, ...] = ("broke", "mended", "new", "gone")
STYLES = {"broke": "bold red", "mended": "green", "new": "bold", "gone": "dim"}
COLUMNS = (
    Column("check", "check", foldable=True),
    Column("what", "gradient", foldable=True),
    Column("before", "before"),
    Column("after", "after"),
    Column("told", ""),
)


def diff(old: str, new: str, *, width: int | None = None) -> int:
    """Print what changed from the reports in ``old`` to those in ``new``; 1 when something broke."""
    before, after = loaded("diff", old), loaded("diff", new)
    if before is None or after is None:
        return MISUSE
    found = changes(before, after)
    console = Console(width=width, highlight=False, soft_wrap=False)
    harmful = any(change.harmful for change in found)
    for line in on_page(_lines(found, harmful, min(console.width, WIDEST)), console.options):
        console.print(line)
    return WRONG if harmful else ALL_RIGHT


def _lines(found: Sequence[Change], harmful: bool, width: int) -> Iterator[Text]:
    yield _head(found, harmful)
    for kind in SHOWN:
        of_kind = [change for change in found if change.kind == kind]
        if of_kind:
            yield Text()
            yield Text(kind, style=STYLES[kind])
            yield from lay_out(COLUMNS, _rows(of_kind), width)


def _head(found: Sequence[Change], harmful: bool) -> Text:
    told = []
    for kind in SHOWN:
        number = sum(change.kind == kind for change in found)
        if number:
            told.append(f"{number} {kind}")
    same = [change for change in found if change.kind == "same"]
    wrong = sum(change.after is not None and change.after.verdict != "right" for change in same)
    still = f" ({wrong} of them not right)" if wrong else ""
    told += [f"{len(same)} unchanged{still}"] if same else []
    line = Text(f"{'✗' if harmful else '✓'} {', '.join(told) or 'nothing to compare'}", style="bold")
    line.stylize("red" if harmful else "green", 0, 1)
    return line


def _rows(found: Sequence[Change]) -> list[Row]:
    rows = []
    for source, of_source in groupby(found, key=lambda change: change.source):
        for i, change in enumerate(of_source):
            before, after = (visible(state.verdict) if state else "–" for state in (change.before, change.after))
            cells = {"check": visible(change.subject), "what": visible(change.name), "before": before, "after": after}
            state = change.after if change.after and change.after.told else change.before
            told = visible(state.told) if state else ""
            styles = {"after": "red" if change.harmful else ""}
            rows.append(Row(cells, styles, rest=told, title=visible(source) if i == 0 else ""))
    return rows
