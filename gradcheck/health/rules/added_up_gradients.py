"""GC336: the gradients of one step are added to those of the steps before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["AddedUpGradients"]


class AddedUpGradients(Rule):
    """A step's first backward finds in .grad what the last step's optimizer left there, at three of five samples.

    No threshold. Exempt: several backwards before one step (gradient accumulation), for only what was there after the
    step counts; and what is frozen or not trained.
    """

    code: ClassVar[str] = "GC336"

    def __init__(self) -> None:
        self._found: Symptoms[ParameterSample] = Symptoms()

    def observe(self, sample: Sample) -> None:
        for parameter in sample.parameters:
            added = parameter.carried and parameter.trained and not parameter.frozen
            self._found.observe(parameter.name, sample.step, parameter if added else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        first, seen = found[0]
        names = [name for name, _ in found]
        yield Finding(
            code=self.code,
            severity=seen.severity("error"),
            title=f"gradients are added up from step to step, of {listed(names)}: they are never set to zero",
            layer=seen.what.layer,
            gradient=first,
            evidence=(
                f"at the beginning of a step's backward the gradient is the one of the step before, since step "
                f"{seen.since}",
                *seen.remark,
            ),
            help=(
                "set them to zero before each backward: optimizer.zero_grad(), in NumPy dW[...] = 0; several backwards "
                "may come before one step",
            ),
            step=seen.since,
        )
