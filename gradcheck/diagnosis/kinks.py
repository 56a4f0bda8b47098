"""Corners of ReLU, max, clip and abs: where a derivative may be any value between the one-sided slopes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from gradcheck.diagnosis.beside import right_beside
from gradcheck.diagnosis.corner_conventions import gradients_by_convention
from gradcheck.diagnosis.limit_points import Nearby
from gradcheck.difference import relative_error
from gradcheck.yardstick import FLOAT64_LIMIT

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["Kinks", "excused_by_kinks", "in_full", "moves_as_one"]

_IN_FULL = "every entry of a tie is paid in full, a convention that is accepted"
_MOST_ENTRIES = 64
_PROBES = 4


@dataclass(frozen=True)
class Kinks:
    """The entries (flat positions) that differ from autograd's because of a kink; the convention, if it has a name."""

    entries: Array
    convention: str = ""


def excused_by_kinks(evidence: Evidence, name: str, yours: Array, true: Array, limit: float) -> Kinks | None:
    """The entries that differ from autograd's only because they sit at a kink; None when anything else is wrong.

    Three things are required. At the kink each entry lies between the slopes to its left and its right. Moved all
    together along it, they add up to a value between the slopes that way: the entries of a tied max-pool window move
    the output smoothly when they move as one, so that paying nobody is wrong although zero lies in every single
    bracket (paying every maximum in full is a convention of its own, and is named). And beside the kink, where nothing
    is tied, the whole gradient is right. Where windows with ties overlap, the entries lie within no bracket; a gradient
    that pays the first (or the last) of equal maxima throughout is right there as well, and so is what true gradients
    tend to from somewhere.
    """
    if evidence.reference.branches == () and not evidence.reference.leaks:
        return None  # the forward took no decision that depends on its data
    gap = np.abs(yours - true)
    threshold = max(limit, FLOAT64_LIMIT) * max(evidence.length(true), evidence.length(yours)) / math.sqrt(true.size)
    if gap.max() <= threshold:
        return None
    named = _by_convention(evidence, name, yours, limit) if evidence.tied() else ""
    if named:
        return Kinks(np.flatnonzero(gap > threshold), named) if right_beside(evidence, name) is True else None
    found = _within_slopes(evidence, name, yours, true, gap, threshold)
    if found is None and evidence.tied():
        named = _by_convention(evidence, name, yours, limit, ("first", "last"))
        off = np.flatnonzero(gap > threshold)
        if right_beside(evidence, name) is True and (named or _is_limit(evidence, name, yours, off, limit)):
            return Kinks(off, named)
    return found


def _is_limit(evidence: Evidence, name: str, yours: Array, off: Array, limit: float) -> bool:
    """Whether several corners meet in these entries, and yours is right for the sides of them that it takes."""
    if not evidence.small():
        return False
    sample = off if off.size <= _MOST_ENTRIES else evidence.rng.choice(off, _MOST_ENTRIES, replace=False)
    for position in sample:
        index = tuple(int(i) for i in np.unravel_index(int(position), yours.shape))
        left, right, error = evidence.numeric.one_sided(name, index)
        if not abs(left - right) > 4 * error:
            return False
    return Nearby(evidence, name, yours, off, max(limit, FLOAT64_LIMIT)).has_limit(_PROBES, math.inf)


def _within_slopes(
    evidence: Evidence, name: str, yours: Array, true: Array, gap: Array, threshold: float
) -> Kinks | None:
    worst = np.unravel_index(int(np.argmax(gap)), gap.shape)
    # the entries first: one that is not bent ends it at the price of a few forwards
    at = tuple(int(i) for i in worst)
    if evidence.numeric.is_beyond_slopes(name, at, float(yours[at])):
        return None
    off = np.flatnonzero(gap > threshold)
    sample = off if off.size <= _MOST_ENTRIES else evidence.rng.choice(off, _MOST_ENTRIES, replace=False)
    noise = 1e-9 * evidence.length(true)
    every = True
    lefts, rights, errors = [], [], []
    for position in sample:
        index = tuple(int(i) for i in np.unravel_index(int(position), true.shape))
        left, right, error = evidence.numeric.one_sided(name, index)
        lefts.append(left)
        rights.append(right)
        errors.append(error)
        slack = 4 * error + 1e-5 * max(abs(left), abs(right)) + noise
        mine = float(yours[index])
        if abs(left - right) <= 4 * error or not min(left, right) - slack <= mine <= max(left, right) + slack:
            return None
        every = every and abs(mine - max(left, right, key=abs)) <= slack
    as_one = moves_as_one(evidence, name, yours, off, (lefts, rights, errors), noise)
    if not (as_one or every) or right_beside(evidence, name) is not True:
        return None
    return Kinks(off, "" if as_one else in_full(evidence, name, yours, off))


def in_full(evidence: Evidence, name: str, yours: Array, off: Array) -> str:
    """What is said where each of several equal maxima gets what the one maximum is to get: no true gradient does that.

    Those of a maximum are the mixtures of its equal entries, which add up to 1.
    """
    left, right, error, total = _together(evidence, name, yours, off)
    if not abs(left - right) <= 4 * error + 1e-5 * max(abs(left), abs(right)):
        return _IN_FULL
    return f"{_IN_FULL}: moved together they have the slope {right:.4g}, and in yours {total:.4g}"


def _together(evidence: Evidence, name: str, yours: Array, off: Array) -> tuple[float, float, float, float]:
    """The slopes to both sides along all of these entries at once and their error, and what yours adds up to."""
    together = np.zeros(yours.shape)
    together.ravel()[off] = 1.0
    return *evidence.numeric.one_sided_along(name, together), float(np.sum(yours.ravel()[off]))


def moves_as_one(
    evidence: Evidence, name: str, yours: Array, off: Array, slopes: Sequence[Sequence[float]], noise: float
) -> bool:
    """Whether the entries of yours at ``off`` (flat) add up to a slope along all of them, moved at once.

    ``slopes`` are those to the left and to the right of the entries that were looked at, and their errors.
    """
    lefts, rights, errors = slopes
    left, right, error, total = _together(evidence, name, yours, off)
    slack = 4 * error + 1e-5 * max(abs(left), abs(right)) + noise * math.sqrt(off.size)
    if min(left, right) - slack <= total <= max(left, right) + slack:
        return True
    if off.size != len(lefts):
        return False
    # corners that have nothing to do with one another (both ends of a clip): their slopes add up on each side
    slack += 4 * sum(errors)
    return abs(sum(lefts) - left) <= slack and abs(sum(rights) - right) <= slack


def _by_convention(
    evidence: Evidence, name: str, yours: Array, limit: float, which: Sequence[Literal["first", "last", ""]] = ("",)
) -> str:
    """What yours is right by, where it follows one rule at all corners of the forward; else empty."""
    for paid in which:
        for at_corners in (0.0, 1.0):
            found = gradients_by_convention(evidence.subject, evidence.values, evidence.upstreams, at_corners, paid)
            if found is not None and name in found and relative_error(yours, found[name]) <= max(limit, FLOAT64_LIMIT):
                rule = (
                    f"the {paid} of equal ones is paid"
                    if paid
                    else f"the derivative at a corner is taken as {at_corners:g}"
                )
                return f"{rule} throughout, a convention that is accepted"
    return ""
