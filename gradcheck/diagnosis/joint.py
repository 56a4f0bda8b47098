"""One probe along all gradients together: what numeric differences are asked where nothing is in doubt."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm
from gradcheck.witnesses.derivative import Estimate

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array, Values

__all__ = ["Joint", "OneStep", "one_step", "planned"]

# How near to autograd's a numeric derivative must come, relative to what all gradients contribute.
_TARGET = 1e-6


@dataclass(frozen=True)
class Joint:
    """A direction through all arrays, what each contributes to the derivative along it, and what autograd tells."""

    direction: dict[str, Array]
    share: dict[str, float]
    parts: dict[str, float]

    @property
    def total(self) -> float:
        """How large the derivative along such a direction is."""
        return math.sqrt(sum(s * s for s in self.share.values()))

    @property
    def told(self) -> float:
        """What autograd tells of all arrays together."""
        return sum(self.parts.values())

    @property
    def target(self) -> float:
        """How exact a numeric derivative must be."""
        return _TARGET * self.total

    def of(self, names: Sequence[str]) -> Joint:
        """The same direction through the arrays of ``names`` alone."""
        return Joint(
            {n: self.direction[n] for n in names},
            {n: self.share[n] for n in names},
            {n: self.parts[n] for n in names},
        )


def planned(evidence: Evidence, names: Sequence[str]) -> Joint | None:
    """Each array is moved by c·ξ/‖ξ‖ with c its own size, less where its gradient is large: contributions are alike.

    An array of n entries contributes about c·‖gradient‖/√n to the derivative along such a direction. None where every
    gradient is zero or not finite.
    """
    sizes = {n: evidence.numeric.size(n) for n in names}
    typical = {n: evidence.length(evidence.autograd[n]) / math.sqrt(max(evidence.values[n].size, 1)) for n in names}
    loud = [sizes[n] * typical[n] for n in names if typical[n] > 0 and math.isfinite(typical[n])]
    if not loud:
        return None
    middle = statistics.median_low(loud)
    scales = {n: min(sizes[n], middle / typical[n]) if typical[n] > 0 else sizes[n] for n in names}
    direction = {}
    for n in names:
        direction[n] = evidence.direction(n)
        direction[n] *= scales[n] / norm(direction[n])
    share = {n: scales[n] * typical[n] for n in names}
    return Joint(direction, share, {n: float(np.vdot(direction[n], evidence.autograd[n])) for n in names})


@dataclass(frozen=True)
class OneStep:
    """A short step along a joint direction: the outputs at its end and those at its start tell the slope."""

    joint: Joint
    length: float

    def moved(self, values: Values) -> dict[str, Array]:
        """The values at its end, as new arrays."""
        ends = {n: np.multiply(v, self.length, out=np.empty(v.shape)) for n, v in self.joint.direction.items()}
        for n, end in ends.items():
            end += values[n]
        return ends

    def taken(self, evidence: Evidence, outputs: Sequence[Array]) -> None:
        """Keep the slope that ``outputs`` at the end tell, where it is as near to autograd's as is asked.

        As for a first step to both sides, a wrong value would have to lie there by chance.
        """
        slope, noise = evidence.numeric.slope(evidence.yours.outputs, outputs, self.length)
        target = self.joint.target
        if slope != 0 and abs(slope - self.joint.told) + 2 * noise <= target:
            evidence.stepped = Estimate(slope, target)


def one_step(evidence: Evidence, joint: Joint) -> OneStep | None:
    """A step at which rounding is a tenth of what is asked for; None where that is too long, or a corner is likely."""
    length = evidence.numeric.short_step(joint.target) if evidence.is_smooth() else None
    return None if length is None else OneStep(joint, length)
