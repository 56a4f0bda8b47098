"""The last checks that failed in this context: a watch says of a layer's symptoms that its gradient is wrong."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = ["failed_checks", "remember"]

_MOST = 16

_failed: ContextVar[tuple[Report, ...]] = ContextVar("gradcheck_failed", default=())


def remember(report: Report) -> None:
    """Note a check that has ended: one that failed takes the place of the last of its name, a right one removes it."""
    others = tuple(r for r in _failed.get() if (r.subject, r.where) != (report.subject, report.where))
    wrong = any(g.verdict == "wrong" for g in report.gradients)
    if wrong or len(others) < len(_failed.get()):
        _failed.set((*others, report)[-_MOST:] if wrong else others)


def failed_checks() -> tuple[Report, ...]:
    """Reports with wrong gradients, the oldest first."""
    return _failed.get()
