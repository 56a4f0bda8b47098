"""GC340: the first loss, beside the one of a network that prefers no class."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import summed
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample
from gradcheck.health.words import number
from gradcheck.report import Finding, Severity, Where

__all__ = ["InitialLoss"]

_WARN = 3.0
_TELL = 1.5


class InitialLoss(Rule):
    """Cross-entropy at the first sample > 3 ln C (a warning), > 1.5 ln C and by more than 0.5 (information).

    A network that prefers no class has ln C. Logits of standard deviation s add about s²/2. A loss of N ln C for N
    samples is a sum in place of a mean: information, for then the step grows with the batch. Exempt: other losses; a
    smaller loss (a network that was trained before). Source: Karpathy, "A recipe for training neural networks" (2019);
    the factors calibrated, see tests/benchmarks.
    """

    code: ClassVar[str] = "GC340"

    def __init__(self) -> None:
        self._found: tuple[int, float, int, int, Where | None] | None = None

    def observe(self, sample: Sample) -> None:
        output, loss = sample.output, sample.loss
        if self._found or not sample.first or output is None or loss is None or not math.isfinite(loss):
            return
        if output.loss_kind == "cross-entropy" and output.classes and output.classes > 1:
            chance = math.log(output.classes)
            if loss > _TELL * chance and loss > chance + 0.5:
                is_sum = summed(loss, output, sample.samples)
                self._found = sample.step, loss, output.classes, sample.samples if is_sum else 0, output.where

    def findings(self) -> Iterator[Finding]:
        if self._found is None:
            return
        step, loss, classes, samples, where = self._found
        chance = math.log(classes)
        severity: Severity = "warning" if loss > _WARN * chance and not samples else "info"
        spread = math.sqrt(2 * (loss - chance))
        if samples:
            title = f"the first loss is {number(loss)}, about {samples} · ln {classes}: a sum over the batch"
            told = f"{samples} samples in the batch; the mean is {number(loss / samples)}, chance is {chance:.2f}"
            help_ = "divide by the number of samples: else the step grows with the batch"
        else:
            title = f"the first loss is {number(loss)}; a network that prefers no class of {classes} has {chance:.2f}"
            told = f"ln {classes} = {chance:.2f}; such a loss takes logits of standard deviation {number(spread)}"
            help_ = "draw the last layer's weights smaller (std 0.01) with bias 0: the first steps only undo guesses"
        yield Finding(
            code=self.code,
            severity=severity,
            title=title,
            where=where,
            evidence=(told,),
            help=(help_,),
            step=step,
        )
