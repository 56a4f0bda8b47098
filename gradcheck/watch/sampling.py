"""Which steps are sampled: all at first, then every k-th, and a burst where something moves."""

from __future__ import annotations

import math

__all__ = ["Schedule"]

_FIRST = 5  # what goes wrong at initialisation shows in the first steps, and a rule needs three of five samples
_EVERY = 50
_BURST = 5
_JUMP = 10.0  # a loss or gradient norm that changes by this factor between two steps is worth a look


class Schedule:
    """Decides step by step. ``every`` is fixed by the user, or None for the default."""

    def __init__(self, every: int | None = None) -> None:
        self._every = every or _EVERY
        self._regular = every is not None
        self._burst = 0
        self._before: dict[str, float] = {}

    def samples(self, step: int) -> bool:
        """Whether this step, about to begin, is sampled."""
        if self._regular:
            return step % self._every == 0
        if self._burst > 0:
            self._burst -= 1
            return True
        return step < _FIRST or step % self._every == 0

    def saw(self, what: str, value: float) -> None:
        """Note a number that is known at every step for nothing (the loss, the norm of all gradients)."""
        before = self._before.get(what)
        self._before[what] = value
        if before is None or self._regular:
            return
        low, high = sorted((before / _JUMP, before * _JUMP))
        if not (math.isfinite(value) and low <= value <= high):
            self._burst = _BURST
