"""GC345: the cross-entropy takes the softmax of what is one already."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import OutputSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.report import Finding

__all__ = ["DoubleSoftmax"]


class DoubleSoftmax(Rule):
    """What a cross-entropy of logits is given has rows from 0 to 1 that sum to 1, at three of five samples.

    No threshold: no logits are so by chance. The softmax of a softmax lies between 1 / (C - 1 + e) and e / (C - 1 + e),
    so that the loss cannot fall below ln(1 + (C - 1) / e), and its gradient is small.
    """

    code: ClassVar[str] = "GC345"

    def __init__(self) -> None:
        self._found: Symptoms[OutputSample] = Symptoms()

    def observe(self, sample: Sample) -> None:
        output = sample.output
        if output is not None:
            self._found.observe("", sample.step, output if output.probabilities else None)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._found:
            yield Finding(
                code=self.code,
                severity=seen.severity("warning"),
                title="the cross-entropy takes the softmax of what is a softmax already",
                where=seen.what.where,
                evidence=(
                    f"its scores lie between 0 and 1 and each row of them sums to 1, since step {seen.since}",
                    *seen.remark,
                ),
                help=("give it the logits: take the softmax off the end of the network (nn.Softmax, F.softmax)",),
                step=seen.since,
            )
