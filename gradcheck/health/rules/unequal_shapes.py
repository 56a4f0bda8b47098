"""GC346: the loss holds outputs against targets of another shape, and broadcasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import OutputSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.report import Finding

__all__ = ["UnequalShapes"]


class UnequalShapes(Rule):
    """The shapes of a loss of differences do not agree, at three of five samples.

    No threshold. Of (64, 1) and (64,) each of 64 outputs is held against all of 64 targets: what is learned is their
    mean.
    """

    code: ClassVar[str] = "GC346"

    def __init__(self) -> None:
        self._found: Symptoms[OutputSample] = Symptoms()

    def observe(self, sample: Sample) -> None:
        output = sample.output
        if output is not None:
            self._found.observe("", sample.step, output if output.broadcast else None)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._found:
            yield Finding(
                code=self.code,
                severity=seen.severity("warning"),
                title=f"the loss holds outputs against targets of another shape: {seen.what.broadcast}",
                where=seen.what.where,
                evidence=(
                    f"they are broadcast, so that each output is held against many targets, since step {seen.since}",
                    *seen.remark,
                ),
                help=("bring both to one shape: y.reshape(output.shape), or output.squeeze(1)",),
                step=seen.since,
            )
