"""One probe along all gradients together: what numeric differences are asked where nothing is in doubt."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["TARGET", "Joint", "planned"]

# How near to autograd's a numeric derivative must come, relative to what all gradients contribute.
TARGET = 1e-6


@dataclass(frozen=True)
class Joint:
    """A direction through all arrays, what each contributes to the derivative along it, and what autograd tells."""

    direction: dict[str, Array]
    share: dict[str, float]
    total: float
    told: float


def planned(evidence: Evidence, names: Sequence[str]) -> Joint | None:
    """Each array is moved by c·ξ/‖ξ‖ with c its own size, less where its gradient is large: contributions are alike.

    None where every gradient is zero or not finite.
    """
    sizes = {n: evidence.numeric.size(n) for n in names}
    norms = {n: evidence.length(evidence.autograd[n]) for n in names}
    loud = [sizes[n] * norms[n] for n in names if norms[n] > 0 and math.isfinite(norms[n])]
    if not loud:
        return None
    middle = statistics.median(loud)
    scales = {n: min(sizes[n], middle / norms[n]) if norms[n] > 0 else sizes[n] for n in names}
    direction = {}
    for n in names:
        direction[n] = evidence.direction(n)
        direction[n] *= scales[n] / norm(direction[n])
    share = {n: scales[n] * norms[n] / math.sqrt(max(evidence.values[n].size, 1)) for n in names}
    total = math.sqrt(sum(s * s for s in share.values()))
    told = sum(float(np.vdot(direction[n], evidence.autograd[n])) for n in names)
    return Joint(direction, share, total, told)
