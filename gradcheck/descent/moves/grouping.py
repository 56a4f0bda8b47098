"""One finding for all parameters that one cause explains."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gradcheck.descent.moves.move import Move
from gradcheck.descent.moves.seen import Cause
from gradcheck.enumerated import enumerated
from gradcheck.layers.values import some_of
from gradcheck.report import Finding

__all__ = ["grouped", "same_scale"]

_CHOICE = re.compile(r"\[(\w+)\|(\w+)\]")


def grouped(causes: Mapping[str, Cause]) -> list[Finding]:
    """``causes`` by the names of the parameters, as findings in the order of the parameters."""
    groups: dict[tuple[str, str], list[str]] = {}
    for name, cause in causes.items():
        groups.setdefault((cause.code, cause.key), []).append(name)
    return [_finding(causes[names[0]], [causes[n] for n in names], names) for names in groups.values()]


def _finding(first: Cause, all_of_them: list[Cause], names: list[str]) -> Finding:
    listed = some_of(names) if len(names) > 4 else enumerated(names)
    title = _CHOICE.sub(lambda m: m[1] if len(names) > 1 else m[2], first.title.replace("{names}", listed))
    evidence = tuple(dict.fromkeys(line for cause in all_of_them[:4] for line in cause.evidence if line))
    return Finding(
        first.code,
        first.severity,
        title,
        gradient=", ".join(names),
        where=first.where,
        cause=tuple(line for line in first.cause if line),
        evidence=evidence,
        help=first.help,
        likely=all(cause.likely for cause in all_of_them),
    )


def same_scale(causes: Mapping[str, Cause], moves: Mapping[str, Move]) -> dict[str, Cause]:
    """Causes with one for all parameters that were scaled alike: a clipping by norm is known by the largest alone."""
    clip = next(((n, c) for n, c in causes.items() if c.code == "GC408" and c.key.startswith("norm")), None)
    rate = moves[clip[0]].rate() if clip is not None else None
    if clip is None or rate is None:
        return dict(causes)
    ratio = rate / moves[clip[0]].lr
    return {
        name: clip[1] if cause.code == "GC402" and moves[name].is_multiple_by(ratio) else cause
        for name, cause in causes.items()
    }
