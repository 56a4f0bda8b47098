"""At a kink a gradient is right if it is what true gradients tend to, from wherever one comes to it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.diagnosis.beside import Point, right_at
from gradcheck.difference import norm, relative_error

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array, Yours

__all__ = ["Nearby"]

_CLOSE, _BESIDE = 1e-8, 1e-3  # how far a point is moved, relative to the size of each array
_SAME, _ALIKE = 1e-6, 0.1  # of a typical entry, by which an entry may differ there
_ASKED = 6  # points at most at which differences are asked
_ASIDE = 1e-3  # of what moves along a way
_RANDOM, _CLIMBS, _ARRAYS = 8, 24, 8


class Nearby:
    """The points around one at a kink, each on a way away from it, and your gradients there.

    Where several corners meet (a blank row through a ReLU), the limits of true gradients at points that tend to this
    one lie beyond the slopes to the left and right of single entries, for other corners are to be left at the same
    time. They and what lies between them are the generalised gradient of Clarke (Optimization and Nonsmooth Analysis,
    1983, theorem 2.5.1). Your own backward, once it is known to be right beside, says what the gradients are close by.
    """

    def __init__(self, evidence: Evidence, name: str, yours: Array, entries: Array, limit: float = math.inf) -> None:
        """``entries`` are flat positions of some that sit at the kink; autograd's is to be within ``limit`` beside."""
        self._evidence, self._name, self._entries, self._limit = evidence, name, entries, limit
        self._here = yours
        self._typical = norm(self._here) / max(self._here.size, 1) ** 0.5
        self._met: list[Array] = []

    def has_limit(self, probes: int, bar: float) -> bool:
        """Whether your gradient is that of points as close by as one likes, and right along that way.

        Differences are asked along ``probes`` directions or more and must be known to ``bar``.
        """
        asked = 0
        for plain in self._all_ways():
            way = self._off_every_corner(plain)
            there = self._gradient(self._at(way, _CLOSE))
            if there is None:
                return False
            self._met.append(there)
            if asked < _ASKED and self._is_same(there):
                asked += 1
                # twice as many as it takes at one point, for it may be excused at each of several; it is longer there
                if self._is_right(way, 2 * probes, 1.1 * bar):
                    return True
        return False

    def is_beyond(self, outside: Sequence[bool]) -> bool:
        """Whether one of the entries, or their sum, is far from all that was met close by.

        What lies among gradients met there may be right by another convention: that is not known. ``outside``: which
        entries lie between no slopes of their own; the others are right by themselves.
        """
        if not self._met:
            return False
        met = np.array([there.ravel()[self._entries] for there in self._met])
        met = np.column_stack([met, met.sum(axis=1)])
        mine = self._here.ravel()[self._entries]
        mine = np.append(mine, mine.sum())
        low, high = met.min(axis=0), met.max(axis=0)
        slack = 1e-3 * (np.abs(met).max(axis=0) + self._typical)
        # where more than two values are met, corners meet, and few of their combinations were met
        several = np.any((met > low + slack) & (met < high - slack), axis=0)
        slack = slack + several * (high - low)
        beyond = (mine < low - slack) | (mine > high + slack)
        return bool(np.any(beyond & [*outside, True]))

    def _all_ways(self) -> Iterator[dict[str, Array]]:
        """All of an array up or down, each entry to the side where it is yours, one by one, at random, by climbing."""
        values, rng = self._evidence.values, self._evidence.rng
        names = [self._name, *(n for n in sorted(values, key=lambda n: values[n].size) if n != self._name)]
        for n in names[:_ARRAYS]:
            yield {n: np.ones(values[n].shape)}
            yield {n: -np.ones(values[n].shape)}
        up = np.abs(self._met[0] - self._here) <= _SAME * self._typical if self._met else np.ones(0)
        if up.size:
            yield {self._name: np.where(up, 1.0, -1.0)}
        order = np.linspace(1.0, 2.0, self._here.size).reshape(self._here.shape)
        yield {self._name: order}  # the last of equal ones is the largest then
        yield {self._name: -order}
        for _ in range(_RANDOM):
            yield {n: np.asarray(rng.standard_normal(v.shape)) for n, v in values.items()}
        for sign in (1.0, -1.0):
            yield from self._climbing(sign)

    def _climbing(self, sign: float) -> Iterator[dict[str, Array]]:
        """Towards where all corners are left to the side that your gradient has taken there.

        Where f = Σ outputs is convex, g is a gradient of it at one side of the kink if f'(v) = g·v for a direction v,
        of all that have f'(v) ≥ g·v. Where all corners that are left along v are others, the gradient there is G(v),
        f'(v) = G(v)·v, and v goes along g - G(v) to make the two equal; along its negative where f is concave.
        """
        evidence = self._evidence
        ones = [np.ones(u.shape) for u in evidence.upstreams]
        here = None if evidence.subject.upstream != "any" else self._yours(self._at({}, 0.0), ones)
        if here is None:
            return
        way = {n: 1e-2 * np.asarray(evidence.rng.standard_normal(v.shape)) for n, v in evidence.values.items()}
        for _ in range(_CLIMBS):
            there = self._yours(self._at(way, _CLOSE), ones)
            if there is None:
                return
            left = {n: _apart(here.gradients.get(n), there.gradients.get(n), v) for n, v in evidence.values.items()}
            most = max(np.abs(g).max(initial=0.0) for g in left.values())
            if most <= _SAME:
                return
            for n, g in left.items():
                way[n] = way[n] + sign * evidence.numeric.size(n) * g / most
            size = max(np.abs(w).max(initial=0.0) for w in way.values())
            yield {n: w / size for n, w in way.items()}

    def _off_every_corner(self, way: Mapping[str, Array]) -> dict[str, Array]:
        """The way with a little of everything: an array that is moved alone may stay on a corner that others make."""
        return {
            n: way.get(n, 0.0) + _ASIDE * np.asarray(self._evidence.rng.standard_normal(v.shape))
            for n, v in self._evidence.values.items()
        }

    def _is_same(self, there: Array) -> bool:
        return bool(np.max(np.abs(there - self._here), initial=0.0) <= _SAME * self._typical)

    def _is_right(self, way: Mapping[str, Array], probes: int, bar: float) -> bool:
        """Whether it is right a thousandth along ``way``, and has not jumped in between."""
        moved = self._at(way, _BESIDE)
        yours = self._yours(moved)
        there = None if yours is None else yours.gradients.get(self._name)
        if yours is None or there is None or there.size != self._here.size:
            return False
        jumped = np.abs(there.ravel() - self._here.ravel())[self._entries] > _ALIKE * self._typical
        if np.any(jumped) or not self._is_autograds(moved, there):
            return False
        return right_at(self._evidence, Point(moved, yours, None), self._name, probes, bar)

    def _is_autograds(self, moved: dict[str, Array], there: Array) -> bool:
        if math.isinf(self._limit):
            return True  # it knows of no gradient
        true = (self._evidence.subject.autograd(moved, self._evidence.upstreams).gradients or {}).get(self._name)
        return true is not None and relative_error(there.reshape(true.shape), true) <= self._limit

    def _at(self, way: Mapping[str, Array], length: float) -> dict[str, Array]:
        moved = {n: v.astype(np.float64) for n, v in self._evidence.values.items()}
        for n, direction in way.items():
            moved[n] = moved[n] + length * self._evidence.numeric.size(n) * direction
        return moved

    def _gradient(self, moved: dict[str, Array]) -> Array | None:
        yours = self._yours(moved)
        there = None if yours is None else yours.gradients.get(self._name)
        if there is None or there.size != self._here.size or not np.all(np.isfinite(there)):
            return None
        return there.reshape(self._here.shape).astype(np.float64)

    def _yours(self, moved: dict[str, Array], upstreams: Sequence[Array] | None = None) -> Yours | None:
        try:
            return self._evidence.subject.yours(moved, upstreams or self._evidence.upstreams)
        except Exception:  # values that it does not take
            return None


def _apart(left: Array | None, right: Array | None, value: Array) -> Array:
    """What one gradient is more than another; zeros where they are not known."""
    if left is None or right is None or left.size != value.size or right.size != value.size:
        return np.zeros(value.shape)
    found = (left - right).reshape(value.shape).astype(np.float64)
    return np.where(np.isfinite(found), found, 0.0)
