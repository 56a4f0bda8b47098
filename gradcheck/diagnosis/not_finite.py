"""Where autograd's gradient is NaN in a few entries (√ of a row of zeros): the others are compared all the same."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.tolerance import Limits, lowest
from gradcheck.difference import norm, worst_indices
from gradcheck.report import Entry, GradientResult, Probe
from gradcheck.witnesses.subject import Array
from gradcheck.yardstick import FLOAT64_LIMIT

__all__ = ["judge_where_finite"]

_MOST, _TOGETHER, _WORST = 64, 4, 5
_LIMITS = {8: FLOAT64_LIMIT, 4: 1e-3, 2: 0.1}  # by bytes a number: NaN leaves no yardstick of what rounding does


def judge_where_finite(
    evidence: Evidence,
    base: GradientResult,
    name: str,
    yours: Array,
    true: Array,
    limits: Limits,
    told: dict[str, object],
) -> GradientResult:
    """Compare the entries in which autograd's gradient is finite; of the others the slopes to both sides decide.

    Wrong where numeric differences along the finite entries fit autograd and not yours, or where an entry of yours is
    not finite and autograd's is. Right where they fit both, and each of the other entries, and sums of them with random
    signs, lie between the slopes to the left and to the right: 0 is a subgradient of ‖x‖ at x = 0, NaN is a 0 / 0 of
    PyTorch's. Anything else is undecided.
    """
    known = np.isfinite(true)
    told = told | {"norm_true": norm(true[known]) if known.any() else None}
    base = replace(base, **told)  # type: ignore[arg-type]  # keys are field names
    if np.any(known & ~np.isfinite(yours)):
        count = int(np.count_nonzero(~np.isfinite(yours)))
        return replace(base, verdict="wrong", reason=f"{count} of {yours.size} entries are NaN or infinite")
    both = not np.all(np.isfinite(yours))
    why = (
        "neither your gradient nor autograd's is finite at these inputs"
        if both
        else "autograd's gradient is not finite at these inputs"
    )
    undecided = replace(base, verdict="undecided", reason=why)
    if not known.any():
        return undecided
    ours, theirs = np.where(known, yours, 0.0), np.where(known, true, 0.0)
    apart, length = ours - theirs, norm(theirs)
    low = lowest(evidence.values[name].dtype, evidence.yours.outputs)
    limit = limits.rtol if limits.rtol is not None else _LIMITS[low.itemsize]
    error = norm(apart) / length if length else (math.inf if norm(apart) else 0.0)
    missing = int(true.size - np.count_nonzero(known))
    if error > limit and norm(apart) > (limits.atol or 0.0):
        probe = _probe(evidence, name, apart, ours, theirs)
        if not _fits(probe, probe.autograd) or _fits(probe, probe.yours):
            return undecided
        worst = tuple(
            Entry(index, float(ours[index]), float(theirs[index])) for index in worst_indices(ours, theirs, _WORST)
        )
        others = f"autograd's gradient is not finite in {missing} of {true.size} entries; others are wrong"
        return replace(
            base, verdict="wrong", reason=others, relative_error=error, limit=limit, probe=probe, worst=worst
        )
    probe = _probe(evidence, name, np.where(known, evidence.direction(name), 0.0), ours, theirs)
    if both or not _fits(probe, probe.autograd) or not _between_slopes(evidence, name, yours, ~known):
        return undecided
    lenient = limits.rtol is not None or limits.atol is not None
    moved = None if lenient else evidence.elsewhere().get(name)
    if moved is not None:
        why = f"right here, and off by {moved.relative_error:.1e} {moved.where}"
        return replace(base, verdict="wrong", reason=why)
    return replace(base, verdict="right", reason="", relative_error=error, limit=limit, probe=probe, kinks=missing)


def _probe(evidence: Evidence, name: str, direction: Array, ours: Array, theirs: Array) -> Probe:
    unit = direction / norm(direction)
    found = evidence.numeric.along_unit(name, unit, 1e-7 * norm(theirs) / math.sqrt(unit.size))
    return Probe(found.value, found.error, float(np.vdot(unit, ours)), float(np.vdot(unit, theirs)))


def _fits(probe: Probe, told: float | None) -> bool:
    return told is not None and math.isfinite(probe.error) and abs(probe.numeric - told) <= 2 * probe.error + 1e-12


def _between_slopes(evidence: Evidence, name: str, yours: Array, entries: Array) -> bool:
    """Whether ``yours`` lies between the slopes to both sides in each of these entries, and in sums of them."""
    positions = np.flatnonzero(entries)
    if positions.size > _MOST:
        positions = evidence.rng.choice(positions, _MOST, replace=False)
    for position in positions:
        index = tuple(int(i) for i in np.unravel_index(int(position), yours.shape))
        if not _inside(evidence.numeric.one_sided(name, index), float(yours[index])):
            return False
    for _ in range(_TOGETHER):
        way = np.where(entries, evidence.direction(name), 0.0)
        if not _inside(evidence.numeric.one_sided_along(name, way), float(np.vdot(way, yours))):
            return False
    return True


def _inside(slopes: tuple[float, float, float], given: float) -> bool:
    left, right, error = slopes
    if not all(map(math.isfinite, slopes)) or error > 1e-2 * max(abs(left), abs(right), 1e-6):
        return False
    slack = 4 * error + 1e-5 * max(abs(left), abs(right))
    return min(left, right) - slack <= given <= max(left, right) + slack
