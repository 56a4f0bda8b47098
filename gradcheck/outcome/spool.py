"""A folder through which reports come home from threads and worker processes.

Whoever wants all reports (the pytest plugin, ``gradcheck run``) opens a spool: a temporary folder, named
in the environment, which threads share and child processes inherit. A check that finishes away from home
writes its report there. If it failed, its caller gets a :class:`~gradcheck.outcome.watched_report.Watched` report,
which leaves a mark beside it when somebody looks whether it is ok. What is still unmarked at the end was looked at by
nobody.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from gradcheck.errors import GradientMismatch

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["Arrival", "Spool", "deposit", "opened", "remembered"]

_VARIABLE = "GRADCHECK_SPOOL"
# Packages that run other people's functions: an exception that got no further than them reached nobody.
_CARRIERS = frozenset({"threading", "concurrent", "multiprocessing", "asyncio", "contextvars", "joblib"})
# Exceptions raised away from home in this process. A context variable would not do: they are raised in one
# thread and judged in another. The owner of the spool takes them out.
_raised: list[GradientMismatch] = []


def deposit(report: Report, *, watched: bool, raised: bool, forked: bool) -> Report:
    """Write a report that was finished away from home to the open spool, if there is one for this process.

    Returns the report, or one in its place that can be seen to be looked at, when ``watched``.
    """
    folder = _folder(forked)
    if folder is None:
        return report
    name = uuid.uuid4().hex
    entry = {"report": report.to_json(), "watched": watched, "raised": raised, "from": _origin()}
    unfinished = folder / f"{name}.part"
    unfinished.write_text(json.dumps(entry), encoding="utf-8")
    unfinished.rename(folder / f"{name}.json")
    if not watched:
        return report
    from gradcheck.outcome.watched_report import watched_at

    return watched_at(report, folder / f"{name}.seen", raised)


def _folder(forked: bool) -> Path | None:
    """The spool of this process or of the process that it works for; an independent program has none."""
    owner, _, path = os.environ.get(_VARIABLE, "").partition(":")
    if not path or not os.path.isdir(path):
        return None
    # A worker of a process pool has loaded multiprocessing; a program started by a subprocess call has its own
    # ways to tell how it ended, and is none of the owner's business.
    multiprocessing: Any = sys.modules.get("multiprocessing.process")
    worker = multiprocessing is not None and multiprocessing.parent_process() is not None
    return Path(path) if owner == str(os.getpid()) or forked or worker else None


def _origin() -> str:
    owner = os.environ.get(_VARIABLE, "").partition(":")[0]
    if owner == str(os.getpid()):
        return f"thread {threading.current_thread().name}"
    return f"process {os.getpid()}"


def remembered(error: GradientMismatch) -> GradientMismatch:
    """Keep an exception that is raised away from home, so that the owner can see how far it got."""
    from gradcheck.outcome.watched_report import Watched

    if isinstance(error.report, Watched):
        _raised.append(error)
    return error


@dataclass(frozen=True)
class Arrival:
    """A report that came through the spool, as JSON text; ``missed`` when it failed and nobody looked."""

    text: str
    origin: str
    missed: bool


class Spool:
    """The owner's end: take out what has arrived."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self) -> list[Arrival]:
        """Remove and return everything that has arrived, oldest first."""
        self._mark_caught()
        arrivals = []
        for path in sorted(self._folder.glob("*.json"), key=lambda p: p.stat().st_mtime_ns):
            entry = json.loads(path.read_text(encoding="utf-8"))
            mark = path.with_suffix(".seen")
            arrivals.append(Arrival(entry["report"], entry["from"], entry["watched"] and not mark.exists()))
            path.unlink()
            mark.unlink(missing_ok=True)
        return arrivals

    def _mark_caught(self) -> None:
        """Count an exception as seen when somebody's own code caught it, in whatever thread."""
        if not _raised:
            return
        from gradcheck.outcome.watched_report import Watched, leave_mark

        while _raised:
            error = _raised.pop()
            if isinstance(error.report, Watched) and _caught_by_somebody(error.__traceback__):
                leave_mark(error.report._mark)


def _caught_by_somebody(traceback: TracebackType | None) -> bool:
    # The head of a traceback is the outermost frame that the exception went through: the one that caught it.
    if traceback is None:
        return False
    module = str(traceback.tb_frame.f_globals.get("__name__", ""))
    return module.partition(".")[0] not in _CARRIERS


@contextmanager
def opened() -> Iterator[Spool]:
    """Open a spool for this process and its workers; close it, and put an outer one back, at the end."""
    before = os.environ.get(_VARIABLE)
    folder = Path(tempfile.mkdtemp(prefix="gradcheck-"))
    os.environ[_VARIABLE] = f"{os.getpid()}:{folder}"
    try:
        yield Spool(folder)
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
        shutil.rmtree(folder, ignore_errors=True)
