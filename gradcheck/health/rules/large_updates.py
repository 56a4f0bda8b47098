"""GC330: a step changes the weights by about as much as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.updates import of_others, ratios
from gradcheck.health.words import listed, number
from gradcheck.report import Finding, Severity

__all__ = ["LargeUpdates"]

_LASTING = 0.3
_ONCE = 2.0
_PASSED = 5
_SEARCHED = 2  # evaluations of the loss in one step
_RELATIVE, _AT_LEAST = 100.0, 0.1
_MOVING = 1e-5  # others that stand still say nothing about the one that moves


class LargeUpdates(Rule):
    """‖update‖ / ‖w‖ > 0.3 at three of five samples, or > 2 at one; or > 100 times that of the others and > 0.1.

    After one step of 2 what the weights had learned, or how they were drawn, is gone. The usual value is 1e-3; the band
    [1e-4, 0.1] raised 6 false alarms of 27 (see tests/benchmarks), so this one is wider. Exempt: biases, norms,
    embeddings, parameters near 0, and optimizers of which one step is a search along many lines (LBFGS).
    """

    code: ClassVar[str] = "GC330"

    def __init__(self) -> None:
        self._lasting: Symptoms[tuple[ParameterSample, float]] = Symptoms()
        self._once: dict[str, tuple[int, ParameterSample, float]] = {}
        self._calm = 0  # samples in a row with updates of a usual size

    def observe(self, sample: Sample) -> None:
        if sample.evaluations > _SEARCHED:
            return
        found = ratios(sample)
        calm = True
        for parameter, ratio in found:
            others = of_others(found, parameter)
            apart = others is not None and others > _MOVING and ratio > max(_RELATIVE * others, _AT_LEAST)
            what = (parameter, ratio)
            self._lasting.observe(parameter.name, sample.step, what if ratio > _LASTING or apart else None)
            if ratio > _ONCE:
                self._once.setdefault(parameter.name, (sample.step, parameter, ratio))
            calm = calm and ratio <= _LASTING
        self._calm = self._calm + 1 if calm else 0

    def findings(self) -> Iterator[Finding]:
        lasting = {name: (seen.since, *seen.what) for name, seen in self._lasting}
        found = {**lasting, **self._once}
        if not found:
            return
        name = min(found, key=lambda n: (found[n][0], -found[n][2]))
        step, parameter, ratio = found[name]
        passed = all(seen.passed for _, seen in self._lasting) and self._calm >= _PASSED
        severity: Severity = "error" if self._once and not passed else "warning" if self._once or not passed else "info"
        lr = f" (learning rate {number(parameter.lr)})" if parameter.lr else ""
        others = [other for other in found if other != name]
        lower = ""
        if parameter.lr:
            lower = f": {number(parameter.lr * min(0.01 / ratio, 0.5))} instead of {number(parameter.lr)}"
        yield Finding(
            code=self.code,
            severity=severity,
            title=f"a step changes {name} by {number(ratio)} times its size{lr}",
            layer=parameter.layer,
            gradient=name,
            evidence=(
                f"‖update‖ / ‖weights‖ is {number(ratio)}, too large since step {step}; about 0.001 is usual",
                *([f"likewise {listed(others)}"] if others else []),
                *(["it passed: the last five samples are in order"] if passed else []),
            ),
            help=(f"lower the learning rate{lower}; or, if the loss is a sum over the batch, take the mean",),
            step=step,
        )
