"""GC332: a parameter has a gradient and is trained, and does not change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.floats import usable
from gradcheck.health.losses import Progress
from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.updates import rounded_away
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["UnchangedParameters"]

_NOTHING = 1e-7


class UnchangedParameters(Rule):
    """update = 0 exactly while the gradient is not 0, at five samples running.

    An error where it holds for every parameter that has a gradient. Exempt: what is frozen or not trained, steps
    without an update (skipped by gradient scaling), updates that would be below 1e-7 of the weights anyway (GC331 is
    about those), and a loss that has come down to a tenth of its first value.
    """

    code: ClassVar[str] = "GC332"

    def __init__(self) -> None:
        self._found: Symptoms[ParameterSample] = Symptoms(enough=5)
        self._progress = Progress()
        self._moved: set[str] = set()

    def observe(self, sample: Sample) -> None:
        self._progress.observe(sample)
        for parameter in sample.parameters:
            g, update = parameter.gradient, parameter.update
            if not parameter.trained or parameter.frozen or not usable(g) or not usable(update) or g.norm == 0:
                continue
            if update.norm:
                self._moved.add(parameter.name)
            nothing = (rounded_away(parameter) or 1.0) < _NOTHING
            still = update.norm == 0 and not nothing and not self._progress.converged
            self._found.observe(parameter.name, sample.step, parameter if still else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        names = [name for name, _ in found]
        first, seen = found[0]
        parameter = seen.what
        everything = not self._moved
        if parameter.lr == 0:
            why = "its learning rate is 0"
            help_ = "look at the learning rate and its schedule: lr is 0 here"
        elif rounded_away(parameter) is not None:
            dtype = parameter.weight.dtype.rpartition(".")[2]
            why = f"the update is less than half of the last digit that {dtype} holds here, and rounded away"
            help_ = f"keep the weights in a wider type and let only the computation be in {dtype}, or raise lr"
        else:
            why = "the update is left out, or does not land in these arrays"
            help_ = (
                "look where the update goes: nowhere, into a copy, another array of the same values, or with a factor "
                "of 0"
            )
        do = "does" if len(names) == 1 else "do"
        what = f"no parameter changes (the first is {first})" if everything else f"{listed(names)} {do} not change"
        yield Finding(
            code=self.code,
            severity=seen.severity("error" if everything else "warning"),
            title=f"{what}, although there is a gradient",
            layer=parameter.layer,
            gradient=first,
            evidence=(why, f"since step {seen.since}", *seen.remark),
            help=(help_,),
            step=seen.since,
        )
