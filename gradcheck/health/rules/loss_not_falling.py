"""GC341: the loss is where it began, or where chance is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import Chance, Stretches
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Birth, Sample
from gradcheck.health.words import number
from gradcheck.report import Finding

__all__ = ["LossNotFalling"]

_STEPS = 100
_FALL = 0.05
_CHANCE = 0.95
_LEARNED = 0.7
_GROWN = 2.0
_SEEN = 2000  # samples; a step of one sample at a time tells little, and a plateau of some hundred is no fault


class LossNotFalling(Rule):
    """After 100 steps: L(first 8) - L(last quarter) + 3 standard errors < 0.05 L(first 8).

    Standard errors are those of the batches' noise, so a noisy loss that may have fallen is none. Or after 200 and
    2,000 samples: a cross-entropy whose last half is within 5 % of the entropy of the labels (the loss of one who knows
    how frequent each class is), and flat. An error at chance with so many samples, else a warning that is likely.
    Exempt: a cross-entropy below 0.7 of that from the beginning (trained before), a loss that has grown threefold
    (GC343 is about that), one that an optimizer is to maximize, and those of adversaries. Calibrated: see
    tests/benchmarks.
    """

    code: ClassVar[str] = "GC341"

    def __init__(self) -> None:
        self._losses = Stretches()
        self._chance = Chance()
        self._over = False
        self._meant = False  # not to fall
        self._batch = 0

    def step(self, step: int, loss: float) -> None:  # noqa: ARG002  # counted, not numbered
        if not math.isfinite(loss):
            self._over = True
        if not self._over:
            self._losses.add(loss)

    def birth(self, birth: Birth) -> None:  # noqa: ARG002  # whatever it is of
        self._over = True  # what comes after it is not about learning

    def observe(self, sample: Sample) -> None:
        self._chance.observe(sample)
        self._batch = sample.samples
        self._meant = self._meant or sample.maximized or sample.adversaries

    def findings(self) -> Iterator[Finding]:
        losses = self._losses
        if losses.count < _STEPS or self._meant:
            return
        begin, begin_error = losses.beginning()
        last, last_error = losses.part(0.75, 1.0)
        level = self._chance.level
        stuck = begin - last + 3 * math.hypot(begin_error, last_error) < _FALL * abs(begin)
        if (level is not None and last < _LEARNED * level) or last - begin > _GROWN * abs(begin):
            return
        half, half_error = losses.part(0.5, 1.0)
        before, _ = losses.part(0.5, 0.75)
        at_chance = level is not None and abs(half - level) + 2 * half_error < (1 - _CHANCE) * level
        flat = before - last < 0.01 * abs(last) + 2 * half_error
        if not stuck and not (at_chance and flat and losses.count >= 2 * _STEPS):
            return
        early = 0 < self._batch * losses.count < _SEEN
        if early and not stuck:
            return  # it has fallen; so few samples do not tell a slow start from a plateau
        where = f", which is chance: the entropy of the labels is {number(level)}" if at_chance and level else ""
        if stuck:
            title = f"the loss does not fall: {number(begin)} at first, {number(last)} over the last quarter"
        else:
            title = f"the loss stays at {number(half)}{where}"
        yield Finding(
            code=self.code,
            severity="error" if at_chance and not early else "warning",
            title=title + (where if stuck else ""),
            evidence=(
                f"{losses.count} steps; mean of the last quarter {last:.4g} ± {last_error:.1g}, of the first eight "
                f"losses {begin:.4g} ± {begin_error:.1g}",
            ),
            help=(
                "train on one batch of ten samples alone: a network that can learn gets it right; if it does not, look "
                "at the gradients (check_network) and the step (check_step), else at the labels and the learning rate",
            ),
            likely=not at_chance or early,
            step=losses.count - 1,
        )
