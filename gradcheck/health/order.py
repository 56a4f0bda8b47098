"""Findings in the order in which they are to be read: a cause before its effects, else by severity and step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gradcheck.health.reasons import because, explains
from gradcheck.report import Finding

__all__ = ["ordered"]

_RANK = {"error": 0, "warning": 1, "info": 2}
_TOLD = 2  # causes that an effect names


def ordered(findings: Iterable[Finding], layers: Sequence[str] = ()) -> tuple[Finding, ...]:
    """The findings, each after its causes and naming them; ``layers`` are the names in the order of the first call.

    What has no cause comes by severity, then by step; a cause goes before the worst that follows from it, so the first
    finding is the root of the worst.
    """
    found = sorted(findings, key=lambda f: (_RANK[f.severity], f.step or 0))
    causes = [
        [j for j, cause in enumerate(found) if j != i and explains(cause, f, layers)] for i, f in enumerate(found)
    ]
    roots = [_all_causes(i, causes) for i in range(len(found))]
    placed: dict[int, None] = {}

    def place(i: int) -> None:
        for j in sorted(roots[i], key=lambda j: (len(roots[j]), found[j].step or 0, j)):
            placed.setdefault(j)
        placed.setdefault(i)

    for i in range(len(found)):
        place(i)
    return tuple(_told(i, found, causes[i], roots) for i in placed)


def _all_causes(i: int, causes: list[list[int]]) -> set[int]:
    """The causes, their causes, and so on."""
    seen: set[int] = set()
    open_ = list(causes[i])
    while open_:
        j = open_.pop()
        if j not in seen and j != i:
            seen.add(j)
            open_ += causes[j]
    return seen


def _told(i: int, found: list[Finding], direct: list[int], roots: list[set[int]]) -> Finding:
    """The finding with a line for each of its nearest causes: those that are not behind another of them."""
    nearest = [j for j in direct if not any(j in roots[k] for k in direct if k != j)]
    lines = tuple(because(found[j], found[i]) for j in nearest[:_TOLD])
    return replace(found[i], cause=(*found[i].cause, *lines)) if lines else found[i]
