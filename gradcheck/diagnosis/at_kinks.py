"""Which entries of a gradient sit at a kink, and a probe that leaves them out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.report import Entry, Probe
from gradcheck.witnesses.derivative import Estimate

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["AtKinks", "beside_kinks", "numeric_without_kinks", "without_kinks"]

_PROBES = 48
_SAMPLE = 32


@dataclass(frozen=True)
class AtKinks:
    """``entries`` (flat positions) sit at a kink; ``probe`` along all others fits autograd, None where none was found.

    Without a probe there may be more entries at a kink than those named.
    """

    entries: Array
    probe: Probe | None


def without_kinks(evidence: Evidence, name: str, yours: Array, true: Array, known: Array | None) -> dict[str, object]:
    """Fields of the result: how many entries are at a kink, the relative error and a probe of the others."""
    found = beside_kinks(evidence, name, known)
    compared = yours.copy()
    compared.ravel()[found.entries] = true.ravel()[found.entries]
    return {"kinks": found.entries.size, "relative_error": relative_error(compared, true), "probe": found.probe}


def numeric_without_kinks(
    evidence: Evidence, name: str, yours: Array, entries: Sequence[Entry], allowed: float
) -> dict[str, object]:
    """The same fields where there is no autograd; ``entries`` are those at a kink."""
    direction = evidence.direction(name)
    for entry in entries:
        direction[entry.index] = 0.0
    made = evidence.probe(name, direction) if direction.any() else None
    if made is None or made.yours is None or not Estimate(made.numeric, made.error).fits(made.yours, allowed):
        return {"kinks": len(entries), "relative_error": None, "limit": None, "probe": None}
    gap = abs(made.yours - made.numeric) * math.sqrt(yours.size)
    return {"kinks": len(entries), "relative_error": gap / (norm(yours) or 1.0), "probe": replace(made, autograd=None)}


def beside_kinks(evidence: Evidence, name: str, known: Array | None = None) -> AtKinks:
    """Find the entries at which no single slope exists; the ``known`` ones are not asked for again.

    A central difference across a kink gives the mean of two slopes, which is nobody's error: a probe that is shown
    beside a gradient must not move these entries. Where a kink is an entry at 0 (a ReLU's input), a few slopes confirm
    it; others are found by halving, as long as they are few.
    """
    size = evidence.values[name].size
    found = np.zeros(size, dtype=bool)
    if known is not None:
        found[known] = True
    evidence.joint = None  # it moved these entries as well
    evidence.together.pop(name, None)
    probe = _fitting(evidence, name, ~found)
    if probe is not None or found.all():
        return AtKinks(np.flatnonzero(found), probe)
    zeros = (evidence.values[name].ravel() == 0) & ~found
    if zeros.any():
        probe = _fitting(evidence, name, ~found & ~zeros)
        if probe is not None or (found | zeros).all():
            return AtKinks(np.flatnonzero(found | _bent(evidence, name, zeros)), probe)
    more = _by_halving(evidence, name, ~found)
    if more is None:
        return AtKinks(np.flatnonzero(found), None)
    found |= more
    return AtKinks(np.flatnonzero(found), _fitting(evidence, name, ~found))


def _fitting(evidence: Evidence, name: str, entries: Array) -> Probe | None:
    """A probe along these entries alone, if autograd fits it."""
    if not entries.any():
        return None
    direction = evidence.direction(name) * entries.reshape(evidence.values[name].shape)
    made = evidence.probe(name, direction)
    return made if evidence.fits_autograd(name, made) else None


def _bent(evidence: Evidence, name: str, entries: Array) -> Array:
    """Those of the entries whose slopes to the left and right differ; where they are many, a sample speaks for all."""
    positions = np.flatnonzero(entries)
    asked = positions[:_SAMPLE]
    bent = np.zeros(entries.size, dtype=bool)
    for position in asked:
        index = tuple(int(i) for i in np.unravel_index(int(position), evidence.values[name].shape))
        left, right, error = evidence.numeric.one_sided(name, index)
        bent[position] = abs(left - right) > 4 * error
    bent[positions[_SAMPLE:]] = bent[asked].all()
    return bent


def _by_halving(evidence: Evidence, name: str, entries: Array) -> Array | None:
    """The entries whose own probe autograd does not fit; None where they are too many to be told one by one."""
    found = np.zeros(entries.size, dtype=bool)
    disturbed = [np.flatnonzero(entries)]  # groups with a kink among them
    left = _PROBES
    while disturbed:
        group = disturbed.pop()
        if group.size == 1:
            found[group] = True
            continue
        halves = np.array_split(group, 2)
        for half, other in (halves, halves[::-1]):
            if left == 0:
                return None
            left -= 1
            mask = np.zeros(entries.size, dtype=bool)
            mask[half] = True
            if _fitting(evidence, name, mask) is not None:
                disturbed.append(other)  # it must be there
                break
        else:
            disturbed += halves
    return found
