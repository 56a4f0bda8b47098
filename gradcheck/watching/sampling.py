"""Which steps are sampled: all at first, then ever fewer, and a burst where something moves."""

from __future__ import annotations

import math

__all__ = ["Schedule"]

_FIRST = 5  # what goes wrong at initialisation shows in the first steps, and a rule needs three of five samples
_SPREAD = 0.2  # then the next sample is 20 % of the steps so far away: early training changes by the step
_EVERY = 50  # and at most this many steps, so that a long run pays for one step in fifty
_BURST = 5
_JUMP = 10.0  # a loss or gradient norm that changes by this factor between two steps is worth a look
_BURST_SHARE = 0.02  # of all steps may be sampled in bursts, after the first few bursts


class Schedule:
    """Decides step by step. ``every`` is fixed by the user, or None for the default."""

    def __init__(self, every: int | None = None) -> None:
        self._every = every
        self._next = 0
        self._burst = 0
        self._spent = -4 * _BURST
        self._before: dict[str, float] = {}

    def samples(self, step: int) -> bool:
        """Whether this step, about to begin, is sampled."""
        if self._every is not None:
            return step % self._every == 0
        if self._burst > 0:
            self._burst -= 1
            self._spent += 1
            return True
        if step < self._next:
            return False
        self._next = step + 1 if step < _FIRST else step + max(1, min(_EVERY, int(step * _SPREAD)))
        return True

    def saw(self, what: str, value: float) -> None:
        """Note a number that is known at every step for nothing (the loss, the norm of all gradients)."""
        before = self._before.get(what)
        self._before[what] = value
        if before is None or self._every is not None or not math.isfinite(before):
            return
        low, high = sorted((before / _JUMP, before * _JUMP))
        moves = not (math.isfinite(value) and low <= value <= high)
        if moves and self._spent <= _BURST_SHARE * self._next:
            self.burst()

    def burst(self) -> None:
        """Sample the next few steps."""
        self._burst = _BURST
