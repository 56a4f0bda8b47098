"""GC342: the loss jumps to and fro, and does not come down."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from itertools import pairwise
from statistics import fmean, median
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample
from gradcheck.health.words import number, percent
from gradcheck.report import Finding

__all__ = ["LossOscillating"]

_WINDOW = 64
_EVERY = 16
_JUMPS = ((0.9, 0.1), (0.85, 0.2))  # share of turning points; mean |difference| / median: both at least
_TURNS, _OF_NOISE = 0.5, 5.0
_LOOKS = 5  # the first and the last of them have no step in common
_LEVEL = 0.5
_FALLS = 0.3


class LossOscillating(Rule):
    """Of 64 losses 90 % are turning points and mean |difference| is 0.1 median; or 85 % and 0.2; or half and 5/√batch.

    And so for 128 steps. The differences are those of one loss and the next, so a steep fall is none; the median is
    above half of the first loss, and that of the later 32 no lower than 0.7 of that of the earlier. Independent noise
    turns at 2/3 of the points (0.9 of 62 is four standard deviations from that), and squared errors of a batch of N
    differ by 1.6/√N of their mean; a step near 2/λmax makes the loss turn at every one. Exempt: a loss that has come
    down, where single batches differ much. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC342"

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._first: float | None = None
        self._until = _WINDOW
        self._batch = 0
        self._looks = 0
        self._found: tuple[int, float, float, float, float, float] | None = None

    def observe(self, sample: Sample) -> None:
        self._batch = sample.samples

    def step(self, step: int, loss: float) -> None:
        if not math.isfinite(loss):
            return
        self._recent.append(loss)
        if self._first is None:
            self._first = loss
        self._until -= 1
        if self._until <= 0:
            self._until = _EVERY
            self._look(step)

    def _look(self, step: int) -> None:
        losses = list(self._recent)
        level = median(losses)
        if level <= 0 or self._first is None or level < _LEVEL * self._first:
            self._looks, self._found = 0, None
            return
        moves = [b - a for a, b in pairwise(losses)]
        turns = sum(a * b < 0 for a, b in pairwise(moves)) / (len(moves) - 1)
        swing = fmean(map(abs, moves)) / level
        jumps = any(turns >= share and swing >= size for share, size in _JUMPS)
        wild = self._batch > 0 and turns >= _TURNS and swing >= _OF_NOISE / math.sqrt(self._batch)
        half = len(losses) // 2
        falls = median(losses[half:]) < (1 - _FALLS) * median(losses[:half])
        self._looks = 0 if falls or not (jumps or wild) else self._looks + 1
        if self._looks >= _LOOKS and self._found is None:
            ranked = sorted(losses)
            low, high = ranked[len(ranked) // 4], ranked[3 * len(ranked) // 4]
            self._found = step - len(losses) + 1, turns, swing, level, low, high

    def findings(self) -> Iterator[Finding]:
        if self._found is None:
            return
        step, turns, swing, level, low, high = self._found
        yield Finding(
            code=self.code,
            severity="warning",
            title=f"the loss jumps to and fro around {number(level)} and does not come down",
            evidence=(
                f"steps {step} to {step + _WINDOW - 1}: it turns at {percent(turns)} of them, by {percent(swing)} of "
                f"the level on average; half of the losses lie between {number(low)} and {number(high)}",
            ),
            help=("lower the learning rate (halve it until this stops), or take larger batches",),
            step=step,
        )
