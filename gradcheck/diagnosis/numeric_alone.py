"""The verdict on a gradient that numeric differences alone can check: the forward cannot be followed."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.at_kinks import numeric_without_kinks
from gradcheck.diagnosis.beside import right_beside
from gradcheck.diagnosis.bisection import WrongEntries, wrong_entries
from gradcheck.diagnosis.entries_at_kinks import looked_at
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.power import probes_for
from gradcheck.diagnosis.tolerance import Limits
from gradcheck.difference import norm
from gradcheck.report import Entry, GradientResult, Verdict
from gradcheck.witnesses.subject import Array

__all__ = ["NUMERIC_LIMIT", "judge_by_numeric_alone"]

NUMERIC_LIMIT = 1e-6
"""How far a right gradient may be off along a probe, relative to itself."""
_WORST = 5
# Up to so many entries each may be asked for by itself.
_FEW, _VERY_FEW = 256, 32


def judge_by_numeric_alone(
    evidence: Evidence, base: GradientResult, name: str, yours: Array, limits: Limits, told: dict[str, object]
) -> GradientResult:
    """No autograd: random probes of this gradient alone.

    Along a unit Gaussian direction v, v·(yours - true) is N(0, ‖yours - true‖²/n), so √n times it, relative to the
    gradient, estimates the relative error. With four probes an error of ten times the limit is missed with
    probability P(|N(0,1)| < 0.1)⁴ = 4e-5.
    """
    length = norm(yours)
    root = math.sqrt(max(yours.size, 1))
    limit = limits.rtol if limits.rtol is not None else NUMERIC_LIMIT
    gaps, bars = [], []
    evidence.drawn.pop(name, None)  # those that autograd was asked with
    for _ in range(probes_for(limits.power, limit, yours.size)):
        made = evidence.probe(name, target=0.1 * limit * length / root)
        if made.yours is None or not math.isfinite(made.error):
            return _with(base, "undecided", "numeric differences could not be taken at these inputs", told)
        gaps.append(abs(made.yours - made.numeric))
        bars.append(made.error)
    worst = int(np.argmax(gaps))
    error = root * gaps[worst] / length if length > 0 else (math.inf if gaps[worst] > bars[worst] else 0.0)
    shown = replace(evidence.probes[name], autograd=None)  # it is no witness here
    told |= {"relative_error": error, "limit": limit, "compared_with": "numeric", "probe": shown}
    allowed = limit * length / root + (limits.atol or 0.0)
    if all(gap <= bar + allowed for gap, bar in zip(gaps, bars, strict=True)):
        if length == 0 and max(bars) > 1e-9 * max(1.0, max(abs(e) for e in evidence.upstream_sizes())):
            return _with(
                base, "undecided", "your gradient is zero and numeric differences are too noisy to confirm it", told
            )
        if length > 0 and max(bars) > 1e-2 * length / root:
            return _with(base, "undecided", "numeric differences are too noisy here to confirm it", told)
        return _with(base, "right", "", told)
    found = _off(evidence, name, yours, allowed)
    bar = allowed + max(bars)
    if not found.entries and found.complete:
        # no entry is plainly wrong: a kink within the step is excused, and a small error in all entries is not
        if right_beside(evidence, name, len(gaps), bar):
            return _with(base, "right", "", told | numeric_without_kinks(evidence, name, yours, (), allowed))
        return _with(base, "wrong", "", told)
    looked = looked_at(evidence, name, yours, found, limit * length)
    verdict, why = looked.judged(len(gaps), bar)
    if verdict == "right":
        without = numeric_without_kinks(evidence, name, yours, found.entries if found.complete else (), allowed)
        return _with(base, "right", why, told | without)
    entries = looked.wrong or found.entries
    few = verdict == "wrong" and found.complete and 0 < len(looked.wrong) <= max(1, yours.size // 8)
    if few and not why:
        why = f"{len(entries):,} of {yours.size:,} entries {'is' if len(entries) == 1 else 'are'} wrong"
    return _with(base, verdict, why, told | {"worst": entries if few else entries[:_WORST]})


def _off(evidence: Evidence, name: str, yours: Array, allowed: float) -> WrongEntries:
    """The entries beyond the bars: by halves, or one by one where these are few, or few and most of them wrong."""
    if yours.size > _VERY_FEW:
        found = wrong_entries(evidence, name, yours, allowed)
        if found.complete or yours.size > _FEW:
            return found
    off = []
    for index in np.ndindex(yours.shape):
        told = evidence.numeric.entry(name, index, 0.1 * allowed, float(yours[index]))
        if not told.fits(float(yours[index]), allowed):
            off.append(Entry(index, float(yours[index]), None, told.value, told.error))
    off.sort(key=lambda e: -abs(e.yours - (e.numeric or 0.0)))
    return WrongEntries(tuple(off), len(off), True)


def _with(base: GradientResult, verdict: Verdict, reason: str, told: dict[str, object]) -> GradientResult:
    return replace(base, verdict=verdict, reason=reason, **told)  # type: ignore[arg-type]  # keys are field names
