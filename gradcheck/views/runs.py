"""Long tables: what is unremarkable and stands in a row becomes one line, so that the rest is seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from gradcheck.views.columns import Row

__all__ = ["LONG_TABLE", "in_runs"]

LONG_RUN = 3  # unremarkable rows in a row, from which on a long table shows one line in their place
LONG_TABLE = 40

T = TypeVar("T")


def in_runs(
    items: Sequence[T],
    row: Callable[[T], Row],
    plain: Callable[[T], bool],
    together: Callable[[list[T], str], str],
    long: bool,
) -> list[Row]:
    """A row for each item; in a ``long`` table one line for each long run of plain ones.

    ``together`` words it, from the run and how many it is in words: ``12 more``, or ``50`` where there is nothing else.
    """
    rows: list[Row] = []
    run: list[T] = []

    def end_run() -> None:
        if len(run) > LONG_RUN:
            more = " more" if len(run) < len(items) else ""
            rows.append(Row({}, style="dim", remarks=(together(run, f"{len(run)}{more}"),)))
        else:
            rows.extend(row(item) for item in run)
        run.clear()

    for item in items:
        if long and plain(item):
            run.append(item)
        else:
            end_run()
            rows.append(row(item))
    end_run()
    return rows
