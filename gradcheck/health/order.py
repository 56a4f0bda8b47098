"""Findings in the order in which they are to be read: by step, and by what follows from what."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck.report import Finding

__all__ = ["ordered"]


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings sorted by severity, then step."""
    rank = {"error": 0, "warning": 1, "info": 2}
    return tuple(sorted(findings, key=lambda f: (rank[f.severity], f.step if f.step is not None else 0)))
