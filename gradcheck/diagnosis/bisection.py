"""The wrong entries of a gradient that only differences can check, found by halving the probes that fail."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm
from gradcheck.report import Entry

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["MOST", "WrongEntries", "wrong_entries"]

MOST = 32
"""Where more entries are wrong than this, they are not all looked for."""
_FEWEST = 5


@dataclass(frozen=True)
class WrongEntries:
    """The entries beyond the bars of numeric differences, worst first; ``at_least`` so many are."""

    entries: tuple[Entry, ...]
    at_least: int
    complete: bool
    """Whether these are all of them."""


@dataclass(order=True)
class _Group:
    """The flat entries from ``start`` to ``stop``: v·(true - yours) over them, and how far that may be off."""

    rank: float
    start: int
    stop: int
    gap: float = field(compare=False)
    bar: float = field(compare=False)


def wrong_entries(evidence: Evidence, name: str, yours: Array, allowed: float) -> WrongEntries:
    """Find the entries of ``yours`` that numeric differences contradict by more than ``allowed`` beyond their bars.

    A direction v with no small component is kept for the whole search; v·(true - yours) over a half of the entries that
    is not 0 within its bar has a wrong entry in it. The other half's is the difference to the whole, and is asked for
    by itself only where that leaves it open. Halves with the largest gap come first, so that the worst entries are
    found first. k wrong entries of n are found with at most 2k log₂n probes of 2 to 4 evaluations of the forward each
    (where it is smooth: see :func:`~gradcheck.witnesses.derivative.derivative`).

    Halves that fail have no entry in common, so that together they tell how many are wrong at least: where these are
    more than :data:`MOST`, the search goes straight down to a few of the wrong entries and ends.
    """
    rng = evidence.rng
    flat = yours.reshape(-1)
    weights = rng.uniform(0.5, 1.5, flat.size) * rng.choice([-1.0, 1.0], flat.size)
    probe = _probing(evidence, name, flat, weights, allowed)
    whole = probe(0, flat.size)
    queue = [whole] if _fails(whole, weights, allowed) else []
    found: list[Entry] = []
    while queue:
        many = len(queue) + len(found) > MOST
        if many and len(found) >= _FEWEST:
            break
        if many:  # straight down to single entries
            group = min(queue, key=lambda one: (one.stop - one.start, one.rank))
            queue.remove(group)
            heapq.heapify(queue)
        else:
            group = heapq.heappop(queue)
        if group.stop - group.start == 1:
            found += _confirmed(evidence, name, yours, group.start, allowed)
            continue
        for half in _halves(group, probe, weights, allowed):
            heapq.heappush(queue, half)
    found.sort(key=lambda e: -abs(e.yours - (e.numeric or 0.0)))
    return WrongEntries(tuple(found), len(found) + len(queue), not queue)


def _probing(
    evidence: Evidence, name: str, flat: Array, weights: Array, allowed: float
) -> Callable[[int, int], _Group]:
    """One probe along the weights of some entries alone."""
    shape = evidence.values[name].shape

    def probe(start: int, stop: int) -> _Group:
        direction = np.zeros(flat.size)
        direction[start:stop] = weights[start:stop]
        length = norm(direction)
        told = float(np.dot(weights[start:stop], flat[start:stop])) / length
        made = evidence.numeric.along_unit(name, direction.reshape(shape), 0.5 * allowed, told, rough=True)
        gap, bar = (made.value - told) * length, made.error * length
        if not math.isfinite(bar):  # nothing is known of it: it is halved, after all others
            gap, bar = math.nan, math.inf
        return _Group(-abs(gap) if math.isfinite(gap) else 0.0, start, stop, gap, bar)

    return probe


def _fails(group: _Group, weights: Array, allowed: float) -> bool:
    slack = allowed * norm(weights[group.start : group.stop])
    return not abs(group.gap) <= group.bar + slack or math.isinf(group.bar)


def _halves(group: _Group, probe: Callable[[int, int], _Group], weights: Array, allowed: float) -> Iterator[_Group]:
    """Those of the two halves that fail."""
    middle = (group.start + group.stop) // 2
    left = probe(group.start, middle)
    if _fails(left, weights, allowed):
        yield left
    gap, bar = group.gap - left.gap, group.bar + left.bar
    right = _Group(-abs(gap), middle, group.stop, gap, bar)
    if not math.isfinite(gap) or abs(gap) <= 4 * bar + 4 * allowed * norm(weights[middle : group.stop]):
        right = probe(middle, group.stop)
    if _fails(right, weights, allowed):
        yield right


def _confirmed(evidence: Evidence, name: str, yours: Array, place: int, allowed: float) -> Iterator[Entry]:
    """The entry with its own derivative, if that contradicts it."""
    index = tuple(int(i) for i in np.unravel_index(place, yours.shape))
    told = evidence.numeric.entry(name, index, allowed)
    if not told.fits(float(yours[index]), allowed):
        yield Entry(index, float(yours[index]), None, told.value, told.error)
