"""Adam, RMSprop and AdaGrad with any settings, as formulas.

Adam: Kingma and Ba 2015, algorithm 1; RMSprop: Tieleman and Hinton 2012; AdaGrad: Duchi, Hazan and Singer 2011.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradcheck.descent.moves.move import Array

__all__ = ["Adaptive", "Fault"]

Fault = Literal["", "uncorrected", "uncorrected m", "uncorrected v", "uncounted", "forgotten"]


@dataclass(frozen=True)
class Adaptive:
    """One rule with its settings. ``fault`` says in which way it is not what it is called."""

    kind: Literal["Adam", "RMSprop", "AdaGrad"]
    beta: float = 0.0
    gamma: float = 0.0
    epsilon: float = 0.0
    inside: bool = False  # ε is added to the squares, under the root
    fault: Fault = ""
    fitted: bool = False  # the settings are those that come closest, and no usual ones
    coupled: float = 0.0  # the weight decay λ of g + λw, which stands in the place of g
    settled: bool = False  # after so many steps that the correction is 1: so Adam moves without it, too

    @property
    def said(self) -> str:
        """The rule and its settings."""
        epsilon = f"ε = {self.epsilon:.4g}" + (" under the root" if self.inside else "")
        epsilon += f", of g + {self.coupled:g}·w" if self.coupled else ""
        likely = "likely " if self.fitted else ""
        if self.kind == "Adam":
            more = ", its correction of the moments' bias at 1" if self.settled else ""
            more += "; are β1 and β2 swapped?" if self.beta > self.gamma else ""
            return f"Adam ({likely}β1 = {_decay(self.beta)}, β2 = {_decay(self.gamma)}, {epsilon}{more})"
        if self.kind == "RMSprop":
            return f"RMSprop ({likely}decay {_decay(self.gamma)}, {epsilon})"
        return f"AdaGrad ({likely}{epsilon})"

    def directions(self, gradients: Sequence[Array], m: Array, v: Array, t: float) -> Iterator[Array]:
        """What each step takes lr times away; ``m``, ``v`` and ``t`` are what stood there before the first."""
        for first, root in self.parts(gradients, m, v, t):
            yield np.divide(first, root, out=np.zeros_like(first), where=root > 0)

    def parts(self, gradients: Sequence[Array], m: Array, v: Array, t: float) -> Iterator[tuple[Array, Array]]:
        """The mean of the gradients, and what it is divided by."""
        for k, g in enumerate(gradients):
            if self.fault == "forgotten":
                m, v = np.zeros_like(g), np.zeros_like(g)
            m = self.beta * m + (1 - self.beta) * g
            v = v + g * g if self.kind == "AdaGrad" else self.gamma * v + (1 - self.gamma) * g * g
            count = 1 if self.fault in ("uncounted", "forgotten") else t + k + 1
            of_m, of_v = self.corrections(count)
            first, second = m / of_m, v / of_v
            yield first, np.sqrt(second + self.epsilon) if self.inside else np.sqrt(second) + self.epsilon

    def corrections(self, count: Array | float) -> tuple[Any, Any]:
        """What m and v are divided by at a step of this number, from 1 on."""
        corrected = self.kind == "Adam" and self.fault != "uncorrected"
        of_m = 1 - self.beta**count if corrected and self.fault != "uncorrected m" else 1.0
        of_v = 1 - self.gamma**count if corrected and self.fault != "uncorrected v" else 1.0
        return of_m, of_v


def _decay(value: float) -> str:
    """Five digits: of 1 - β where β is near 1."""
    return f"{value:g}" if value < 0.99 else f"{1 - float(f'{1 - value:.3g}'):.12g}"
