"""A failed report whose caller could not be told by an exception: who looks at it leaves a mark.

In a file of its own, for the class needs all of a report's, and a session that checks nothing should not load these.
"""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["Watched", "leave_mark", "watched_at"]


class Watched(Report):
    """A failed report whose caller could not be told by an exception: reading ``ok`` leaves a mark.

    Printing it is not looking: output of a passing test is shown to nobody.
    """

    __slots__ = ("_mark", "_travels")
    _mark: Path
    _travels: bool

    @property
    def ok(self) -> bool:
        """As :attr:`Report.ok`; that it was read is remembered."""
        leave_mark(self._mark)
        return super().ok

    def unwatched(self) -> Report:
        """The same report as a plain one."""
        return Report(**{f.name: getattr(self, f.name) for f in fields(Report)})

    def as_message(self) -> str:
        return self.unwatched().as_message()

    def to_json(self) -> str:
        return self.unwatched().to_json()

    def save(self, path: str | os.PathLike[str]) -> Path:
        return self.unwatched().save(path)

    def plot(self) -> Figure:
        return self.unwatched().plot()

    def _repr_html_(self) -> str:
        return self.unwatched()._repr_html_()

    def __str__(self) -> str:
        return str(self.unwatched())

    def __repr__(self) -> str:
        return repr(self.unwatched())

    def __rich_console__(self, rich_console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.unwatched()

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Watched):
            other = other.unwatched()
        return self.unwatched() == other

    __hash__ = Report.__hash__

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.unwatched(), str(self._mark), self._travels)


def watched_at(report: Report, mark: Path, travels: bool) -> Watched:
    """The report, with the file that is made when it is looked at, or when it ``travels`` back in an exception."""
    watched = Watched(**{f.name: getattr(report, f.name) for f in fields(Report)})
    # The frozen dataclass guards its own fields only; these two are set once, here.
    object.__setattr__(watched, "_mark", mark)
    object.__setattr__(watched, "_travels", travels)
    return watched


def _rebuilt(report: Report, mark: str, travels: bool) -> Watched:
    # Pickled inside an exception: it has come back to the process that asked, which hands it on to the caller.
    if travels:
        leave_mark(Path(mark))
    return watched_at(report, Path(mark), travels)


def leave_mark(mark: Path) -> None:
    """Note that a report was looked at, unless the spool is closed already."""
    if mark.parent.is_dir():
        mark.touch()
