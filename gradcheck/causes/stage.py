"""Where a search stands: some gradients explained by the changes found so far, the others still to explain."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import EXACT, Case
from gradcheck.causes.gate import Change
from gradcheck.causes.predict import predict
from gradcheck.difference import norm

__all__ = ["Stage"]


@dataclass(eq=False)
class Stage:
    """The search after ``base``: what it predicts, and what of yours it leaves unexplained."""

    case: Case
    base: tuple[Candidate, ...]
    wrong: tuple[str, ...]
    """The arrays whose gradients were found wrong."""

    @functools.cached_property
    def prediction(self) -> dict[str, Array]:
        """The gradients with the changes of ``base``."""
        return predict(self.case, self.base) or dict(self.case.true)

    @functools.cached_property
    def unexplained(self) -> tuple[str, ...]:
        """The arrays whose gradients ``base`` does not predict."""
        return tuple(n for n in self.wrong if not self.case.explains(n, self.prediction[n]))

    @functools.cached_property
    def changes(self) -> dict[int, Change]:
        """The changes at gates that belong to ``base``."""
        return {k: c for b in self.base if b.changes is not None for k, c in (b.changes(self.case) or {}).items()}

    def gradients(self, changes: Mapping[int, Change], names: Sequence[str] | None = None) -> dict[str, Array]:
        """The gradients by ``names`` (default: all) with ``changes`` on top of those of ``base``."""
        assert self.case.recording is not None  # lines are looked at only where the forward was recorded
        found = self.case.recording.gradients({**self.changes, **changes}, names)
        return found if names is not None else {**self.prediction, **found}

    def differing(self, gradients: Mapping[str, Array]) -> tuple[str, ...]:
        """The arrays whose gradients are not those of the prediction."""
        return tuple(
            n for n, array in gradients.items() if n in self.prediction and not _same(array, self.prediction[n])
        )

    def scale(self, without: Mapping[str, Array], within: Mapping[str, Array]) -> float | None:
        """The factor c with which without + c (within - without) comes closest to yours, over all that differs."""
        above = below = 0.0
        for n in (n for n in self.unexplained if n in within and n in without):
            step = within[n] - without[n]
            length = norm(self.case.yours[n])
            if not np.all(np.isfinite(step)) or length == 0:
                continue
            above += float(np.vdot(step / length, (self.case.yours[n] - without[n]) / length))
            below += float(np.vdot(step / length, step / length))
        return above / below if below > 0 else None


def _same(left: Array, right: Array) -> bool:
    return norm(left - right) <= 0.1 * EXACT * max(norm(left), norm(right))
