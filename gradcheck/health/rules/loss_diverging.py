"""GC343: the loss grows far beyond where it began."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import Chance
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Birth, Sample
from gradcheck.health.words import number
from gradcheck.report import Finding

__all__ = ["LossDiverging"]

_FAST, _FAST_STEPS = 10.0, 5
_SLOW, _SLOW_STEPS = 3.0, 32


class LossDiverging(Rule):
    """Three of the last 5 losses are above 10 times the first one, or 24 of the last 32 above 3 times.

    Above means loss - first > (factor - 1) · max(|first|, chance), so that a loss which begins near 0 or below it is
    judged too. A loss that is not finite counts where no birth of it was found. Exempt: what comes after a birth, and a
    loss that an optimizer is to maximize. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC343"

    def __init__(self) -> None:
        self._chance = Chance()
        self._first: float | None = None
        self._fast = self._slow = 0  # a bit a step, the last step the lowest
        self._seen: int | None = None
        self._highest = -math.inf
        self._not_finite: int | None = None
        self._born = False
        self._maximized = False

    def birth(self, birth: Birth) -> None:  # noqa: ARG002  # whatever it is of
        self._born = True

    def observe(self, sample: Sample) -> None:
        self._chance.observe(sample)
        self._maximized = self._maximized or sample.maximized

    def step(self, step: int, loss: float) -> None:
        if self._born:
            return
        if not math.isfinite(loss):
            self._not_finite = step if self._not_finite is None else self._not_finite
            return
        if self._first is None:
            self._first = loss
            return
        scale = max(abs(self._first), self._chance.level or 0.0)
        grown = (loss - self._first) / scale if scale else 0.0
        self._highest = max(self._highest, loss)
        self._fast = (self._fast << 1 | (grown > _FAST - 1)) & ((1 << _FAST_STEPS) - 1)
        self._slow = (self._slow << 1 | (grown > _SLOW - 1)) & ((1 << _SLOW_STEPS) - 1)
        if self._seen is None and (self._fast or self._slow):
            if self._fast.bit_count() >= 3:
                self._seen = step - self._fast.bit_length() + 1
            elif self._slow.bit_count() >= 3 * _SLOW_STEPS // 4:
                self._seen = step - self._slow.bit_length() + 1

    def findings(self) -> Iterator[Finding]:
        help_ = (
            "lower the learning rate tenfold; if it still grows, the sign of the gradient or of the update is wrong "
            "(check_network, check_step)",
        )
        if self._seen is not None and self._first is not None and not self._maximized:
            step = self._seen
            yield Finding(
                code=self.code,
                severity="error",
                title=f"the loss diverges: {number(self._first)} at first, {number(self._highest)} at its highest",
                evidence=(f"it grows from step {step} on",),
                help=help_,
                step=step,
            )
        elif self._not_finite is not None and not self._born:
            yield Finding(
                code=self.code,
                severity="error",
                title=f"the loss is not finite at step {self._not_finite}",
                evidence=("the operation that made it was not seen",),
                help=help_,
                step=self._not_finite,
            )
