"""Corners of ReLU, max, clip and abs: where a derivative may be any value between the one-sided slopes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.witnesses.numeric import Numeric
from gradcheck.yardstick import FLOAT64_LIMIT

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["excused_by_kinks", "right_beside"]

_MOST_ENTRIES = 64
_MOVES = 12


def excused_by_kinks(evidence: Evidence, name: str, yours: Array, true: Array, limit: float) -> int:
    """How many entries differ from autograd's only because they sit at a kink; 0 when anything else is wrong.

    Two things are required: beside the kink (inputs moved by a little, so that nothing is tied) the whole gradient is
    right, and at the kink each entry lies between the slopes to its left and its right. The first alone would pass a
    backward that is wrong at ties only; the second alone an all-zero backward of a tied max-pool, for zero lies in
    every bracket.
    """
    if evidence.reference.branches == () and not evidence.reference.leaks:
        return 0  # the forward took no decision that depends on its data
    gap = np.abs(yours - true)
    threshold = max(limit, FLOAT64_LIMIT) * max(norm(true), norm(yours)) / math.sqrt(true.size)
    off = np.flatnonzero(gap > threshold)
    if not off.size:
        return 0
    # the entries first: one that is not bent ends it at the price of a few forwards
    sample = off if off.size <= _MOST_ENTRIES else evidence.rng.choice(off, _MOST_ENTRIES, replace=False)
    for position in sample:
        index = tuple(int(i) for i in np.unravel_index(int(position), true.shape))
        left, right, error = evidence.numeric.one_sided(name, index)
        slack = 4 * error + 1e-5 * max(abs(left), abs(right)) + 1e-9 * norm(true)
        bent = abs(left - right) > 4 * error
        inside = min(left, right) - slack <= float(yours[index]) <= max(left, right) + slack
        if not (bent and inside):
            return 0
    return int(off.size) if right_beside(evidence, name) else 0


def right_beside(evidence: Evidence, name: str) -> bool:
    """Whether yours, autograd and numeric agree on ``name`` at points moved by a thousandth, with other branches taken.

    The branches (masks, argmaxes, comparisons) must really be others there, else there is no kink to speak of. One
    move may happen to take the same branch (a single entry at 0 moved to the left of it), so a few are made.
    """
    other_branch = False
    for _ in range(_MOVES):
        moved = {
            n: v + (1e-3 * evidence.numeric.size(n) * np.asarray(evidence.rng.standard_normal(v.shape))).astype(v.dtype)
            for n, v in evidence.values.items()
        }
        yours = evidence.subject.yours(moved, evidence.upstreams).gradients.get(name)
        if evidence.reference.gradients is None or evidence.reference.leaks:  # no truth but numeric, no branches known
            other_branch = True
            true = yours
        else:
            reference = evidence.subject.autograd(moved, evidence.upstreams)
            if reference.gradients is None:
                return False
            other_branch = reference.branches != evidence.reference.branches
            true = reference.gradients[name]
        if true is None or not _all_agree(evidence, name, moved, yours, true):
            return False
        if other_branch:
            break
    return other_branch


def _all_agree(evidence: Evidence, name: str, at: dict[str, Array], yours: Array | None, true: Array) -> bool:
    if yours is None or yours.size != true.size or not np.all(np.isfinite(true)):
        return False
    if relative_error(yours.reshape(true.shape), true) > (1e-6 if yours.dtype == np.float64 else 1e-2):
        return False
    direction = np.asarray(evidence.rng.standard_normal(true.shape))
    direction = direction / float(np.linalg.norm(direction.ravel()))
    length = norm(true) / math.sqrt(true.size)
    found = Numeric(evidence.subject, at, evidence.upstreams).along_unit(name, direction, 1e-6 * length)
    return found.fits(float(np.vdot(direction, true)), 1e-6 * length)
