"""What a check that found everything right would have caught, in one line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gradcheck.power import percent, rounded_up
from gradcheck.views.headline import full_name
from gradcheck.views.plain import count, names

if TYPE_CHECKING:
    from gradcheck.power import Power
    from gradcheck.report import GradientResult, Report

__all__ = ["power_told"]

FEW = 3  # names of gradients in the line


def power_told(report: Report) -> str:
    """``would have caught a single entry off by 0.1 %, and …``; empty where not all is right.

    Gradients that were judged in the same way share a clause, which holds for each of them. Those that are zero but for
    rounding, of which no error is a share, are named.
    """
    if not report.ok:
        return ""
    groups: dict[int, list[GradientResult]] = {}
    for g in report.gradients:
        if g.power is not None and g.power.norm is not None:
            groups.setdefault(g.power.probes, []).append(g)
    zero = [full_name(g, report) for g in report.gradients if g.power is not None and g.power.norm is None]
    clauses = []
    for alike in groups.values():
        which = "" if len(groups) == 1 else f"{names([full_name(g, report) for g in alike], FEW)}: "
        clauses.append(which + _clause([g.power for g in alike if g.power is not None]))
    left = f" ({names(zero, FEW)} {'are' if zero[1:] else 'is'} zero: not told)" if zero else ""
    return f"would have caught {'; '.join(clauses)}{left}" if clauses else ""


def _clause(powers: Sequence[Power]) -> str:
    whole = f"any error of {rounded_up(max(p.norm or 0.0 for p in powers))} of the norm"
    of_itself = all(p.each is not None for p in powers)
    entry = max((p.each if of_itself else p.typical) or 0.0 for p in powers)
    probes = max(p.probes for p in powers)
    chance = f", with probability {powers[0].probability:g} ({count(probes, 'random probe')})" if probes else ""
    if entry > 1:
        return whole + chance
    single = f"a single entry off by {percent(entry)}{'' if of_itself else ' of a typical one'}"
    return f"{single}, and {whole}{chance}"
