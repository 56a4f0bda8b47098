"""Points close by: where a tie is broken and a kink is left, a right gradient must be right as well."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.errors import GradcheckError
from gradcheck.witnesses.numeric import Numeric

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.report import Probe
    from gradcheck.witnesses.subject import Array, Reference, Yours

__all__ = ["Point", "at_a_tie", "is_straight", "points_beside", "right_at", "right_beside"]

_MOVES = 12
_BENT = 1e-5  # kinks of both signs may cancel to less than that once in a hundred thousand times


@dataclass
class Point:
    """The witnesses at values moved by about a thousandth."""

    values: dict[str, Array]
    yours: Yours
    reference: Reference | None


def points_beside(evidence: Evidence, wide: bool = False) -> list[Point]:
    """Moved points, the last of them on other branches than the one checked; empty where none can be found.

    They are of the arrays' dtypes, or of float64 if ``wide``. The branches (masks, argmaxes, comparisons) must really
    be others there, else there is no kink to speak of. One move may happen to take the same branch (a single entry at
    0 moved to the left of it), so a few are made.
    """
    points: list[Point] = []
    if not evidence.subject.calls_backward:
        return points  # gradients at hand are those of the values given, and of no others
    known = evidence.reference.gradients is not None and not evidence.reference.leaks
    for _ in range(_MOVES):
        moved = _moved(evidence, 1e-3 if wide else None)
        try:
            yours = evidence.subject.yours(moved, evidence.upstreams)
            reference = _reference(evidence, moved, yours) if known else None
        except GradcheckError:
            return []
        if known and (reference is None or reference.gradients is None):
            return []
        points.append(Point(moved, yours, reference))
        # without a record of branches (numeric alone, a torch forward) any move counts
        if reference is None or reference.branches != evidence.reference.branches:
            return points
    return []


def right_beside(evidence: Evidence, name: str, probes: int = 1, bar: float = math.inf) -> bool | None:
    """Whether all witnesses agree on ``name`` at every point beside; None where there is no such point.

    Numeric differences are asked along so many directions, and must be known to ``bar``.
    """
    made = evidence.probes.get(name)
    if made is not None and is_straight(evidence, name, made):
        return False
    points = evidence.beside()
    if not points:
        return None
    right = all(right_at(evidence, point, name, probes, bar) for point in points)
    if not right and evidence.values[name].dtype.itemsize < 4:
        # 16 bits have so few numbers that some of what was moved is tied again; float64 keeps everything apart
        wide = points_beside(evidence, wide=True)
        return bool(wide) and all(right_at(evidence, point, name, probes, bar) for point in wide)
    return right


def is_straight(evidence: Evidence, name: str, made: Probe) -> bool:
    """Whether the slopes to both sides are so alike that no kink here makes up what autograd is off by.

    At a kink autograd takes one of the slopes, or one between them, and differences the middle: what they are apart by
    is at most what the slopes differ by. That is known of the direction along which all gradients were asked together,
    and so of this one's part of it, unless kinks of both signs cancel there to so little of it.
    """
    if made.autograd is None or not math.isfinite(evidence.corner + made.error):
        return False
    apart = abs(made.autograd - made.numeric) - made.error
    return abs(evidence.corner) <= _BENT * apart * evidence.joint_part(name)


def at_a_tie(evidence: Evidence) -> bool:
    """Whether a move by no more than rounding takes the forward to other branches: it stands on a kink.

    Costs one run of the forward, so large problems are asked only where an input has a zero (a ReLU's corner).
    """
    branches = evidence.reference.branches
    if evidence.subject.witnesses == "two" or branches == () or evidence.reference.leaks or not evidence.autograd:
        return False
    zeros = evidence.has_zeros()
    if not isinstance(branches, tuple):
        return zeros
    if not (evidence.small() or zeros):
        return False
    other = evidence.subject.autograd(_moved(evidence, 1e-9), evidence.upstreams)
    return other.gradients is not None and other.branches != branches


def _moved(evidence: Evidence, by: float | None) -> dict[str, Array]:
    moved = {}
    for n, v in evidence.values.items():
        # by a thousandth, or by enough that the dtype does not round it away; a tie is looked for in float64
        wide = v.astype(np.float64)
        step = max(1e-3, 16 * float(np.finfo(v.dtype).eps)) if by is None else by
        wide = wide + step * evidence.numeric.size(n) * np.asarray(evidence.rng.standard_normal(v.shape))
        moved[n] = wide.astype(v.dtype) if by is None else wide
    return moved


def _reference(evidence: Evidence, moved: dict[str, Array], yours: Yours) -> Reference:
    """Autograd's gradients there; of a torch module in float64 they are what the module gave already."""
    given = {n: g for n, g in yours.gradients.items() if g is not None}
    if (
        evidence.subject.witnesses == "two"
        and len(given) == len(moved)
        and all(v.dtype == np.float64 for v in moved.values())
    ):
        return replace(evidence.reference, outputs=yours.outputs, gradients=given, branches=object())
    return evidence.subject.autograd(moved, evidence.upstreams)


def right_at(evidence: Evidence, point: Point, name: str, probes: int, bar: float) -> bool:
    yours = point.yours.gradients.get(name)
    true = yours if point.reference is None else (point.reference.gradients or {}).get(name)
    if yours is None or true is None or yours.size != true.size or not np.all(np.isfinite(true)):
        return False
    low = min(point.values[name].dtype.itemsize, *(o.dtype.itemsize for o in point.yours.outputs))
    if relative_error(yours.reshape(true.shape), true) > {8: 1e-6, 4: 1e-3}.get(low, 0.1):
        return False
    length = norm(true) / math.sqrt(true.size)
    if point.reference is None:
        bar = min(bar, 0.1 * length)  # numeric differences are the only witness: they must see something
    numeric = Numeric(evidence.subject, point.values, evidence.upstreams)
    for _ in range(probes):
        direction = np.asarray(evidence.rng.standard_normal(true.shape))
        direction = direction / norm(direction)
        told = float(np.vdot(direction, true))
        found = numeric.along_unit(name, direction, 1e-6 * length, told)
        if found.error > bar or not found.fits(told, 1e-6 * length):
            return False
    return True
