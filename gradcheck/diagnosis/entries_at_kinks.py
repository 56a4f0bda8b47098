"""Entries that differences contradict, of a forward that cannot be followed: wrong, or at a kink and right there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.diagnosis.beside import right_beside
from gradcheck.diagnosis.kinks import in_full, moves_as_one
from gradcheck.diagnosis.limit_points import Nearby

if TYPE_CHECKING:
    from gradcheck.diagnosis.bisection import WrongEntries
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.report import Entry, Verdict
    from gradcheck.witnesses.subject import Array

__all__ = ["looked_at"]

_BESIDE = "some of its entries are at a kink, and it is right beside it"
_OPEN = "right beside the kink at which some entries sit; move the inputs a little, to have no entry at one"
_TOGETHER = "its entries at a kink are together no slope of the forward there"


@dataclass
class _Looked:
    """The entries that were found, with the slopes to their left and right."""

    evidence: Evidence
    name: str
    yours: Array
    positions: Array
    slopes: tuple[list[float], list[float], list[float]]
    entries: tuple[Entry, ...]
    outside: list[bool]
    """Which of them lie between no slopes of their own."""
    straight: bool
    """Whether one of them is at no kink."""
    paid_in_full: bool
    """Whether each has the larger of its slopes."""
    complete: bool
    slack: float

    @property
    def wrong(self) -> tuple[Entry, ...]:
        """Those that lie between no slopes of their own."""
        return tuple(e for e, out in zip(self.entries, self.outside, strict=True) if out)

    def judged(self, probes: int, bar: float) -> tuple[Verdict, str]:
        """The verdict on the gradient, and what is said of it; differences beside it are asked ``probes`` times.

        Where corners have nothing to do with one another, entries between their slopes are right. Where they have, it
        is right if it is the limit of true gradients. If that is not found, what lies outside of everything that was
        met close by is wrong, and the rest is left open: there are more conventions than can be tried.
        """
        evidence, name = self.evidence, self.name
        if self.straight:
            return "wrong", ""
        if self.complete and not self.wrong:
            if moves_as_one(evidence, name, self.yours, self.positions, self.slopes, self.slack):
                return ("right" if right_beside(evidence, name) else "wrong"), ""
            if self.paid_in_full and right_beside(evidence, name):
                return "right", in_full(evidence, name, self.yours, self.positions)
        nearby = Nearby(evidence, name, self.yours, self.positions)
        if nearby.has_limit(probes, bar):
            return "right", "" if self.complete else _BESIDE
        if not right_beside(evidence, name):
            return "wrong", ""
        if nearby.is_beyond(self.outside):
            return "wrong", "" if self.wrong else _TOGETHER
        return "undecided", _OPEN


def looked_at(evidence: Evidence, name: str, yours: Array, found: WrongEntries, slack: float) -> _Looked:
    """Ask for the slopes to the left and to the right of each entry; ``slack`` is by how much it may lie outside."""
    lefts, rights, errors, outside = [], [], [], []
    straight, paid = False, True
    for entry in found.entries:
        left, right, error = evidence.numeric.one_sided(name, entry.index)
        low, high = sorted((left, right))
        bent = high - low > 4 * error
        straight = straight or not bent
        outside.append(not bent or not low - 4 * error - slack <= entry.yours <= high + 4 * error + slack)
        paid = paid and abs(entry.yours - max(left, right, key=abs)) <= 4 * error + slack
        lefts.append(left)
        rights.append(right)
        errors.append(error)
    shape = yours.shape
    positions = np.array([int(np.ravel_multi_index(e.index, shape)) if shape else 0 for e in found.entries], dtype=int)
    slopes = (lefts, rights, errors)
    return _Looked(
        evidence, name, yours, positions, slopes, found.entries, outside, straight, paid, found.complete, slack
    )
