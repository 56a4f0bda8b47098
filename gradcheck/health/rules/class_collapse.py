"""GC344: the network says one and the same class for every sample."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import Chance
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import percent
from gradcheck.report import Finding, Where

__all__ = ["ClassCollapse"]

_FIRST_STEPS = 30
_APART = 40
_BATCH = 8
_MAJORITY = 0.7
_LEARNS = 0.9


class ClassCollapse(Rule):
    """All of a batch of 8 or more are given one class, no label has more than 70 % of it, and the loss is at chance.

    At two samples running, 40 steps apart or more, from step 30 on: an untrained network may well begin so, and a
    plateau at the beginning be left late. The cross-entropy is not below 0.9 of the labels' entropy. Exempt: one class
    that is most of the labels. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC344"

    def __init__(self) -> None:
        self._found: Symptoms[tuple[int, int, float, int, Where | None]] = Symptoms(2, 2)
        self._chance = Chance()

    def observe(self, sample: Sample) -> None:
        self._chance.observe(sample)
        output = sample.output
        if output is None or output.predicted is None or output.labels is None or sample.step < _FIRST_STEPS:
            return
        predicted, labels = output.predicted, output.labels
        total, right = int(predicted.sum()), int(labels.sum())
        if total < _BATCH or not right:
            return
        level = self._chance.level
        learns = level is not None and sample.loss is not None and sample.loss < _LEARNS * level
        one = int(predicted.max()) == total and labels.max() <= _MAJORITY * right and not learns
        which = int(predicted.argmax())
        share = float(labels[which] / right) if which < labels.size else 0.0
        what = (which, total, share, int((labels > 0).sum()), output.where)
        self._found.observe("", sample.step, what if one else None)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._found:
            if seen.last - seen.since < _APART:
                return
            which, total, share, classes, where = seen.what
            yield Finding(
                code=self.code,
                severity=seen.severity("warning"),
                title=f"the network says class {which} for every sample, while the labels have {classes} classes",
                where=where,
                evidence=(
                    f"{total} of {total} samples at step {seen.last}, so since step {seen.since}; class {which} is "
                    f"{percent(share)} of the labels",
                    *seen.remark,
                ),
                help=(
                    "look for what keeps the output from depending on the input: dead or saturated units below, a last "
                    "bias far from 0, a step that was too large; and whether labels and inputs are in the same order",
                ),
                step=seen.since,
            )
