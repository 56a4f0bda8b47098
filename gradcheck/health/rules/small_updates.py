"""GC331: the weights move by so little that nothing will come of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.losses import Progress
from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.updates import of_others, ratios, rounded_away
from gradcheck.health.words import listed, number
from gradcheck.report import Finding

__all__ = ["SmallUpdates"]

_NOTHING = 1e-7
_RELATIVE, _AT_MOST = 1e-4, 1e-6


class SmallUpdates(Rule):
    """0 < ‖update‖ / ‖w‖ < 1e-7 at three of five samples; or < 1e-4 times that of the others and < 1e-6.

    With 1e-7 a step, a million steps change the weights by a tenth at most. Of an update that rounding made 0 it is
    lr ‖g‖ that counts. Exempt: a loss that has come down to a
    tenth of its first value, a learning rate that is being warmed up, and what GC330 exempts. Calibrated: see
    tests/benchmarks.
    """

    code: ClassVar[str] = "GC331"

    def __init__(self) -> None:
        self._found: Symptoms[tuple[ParameterSample, float]] = Symptoms()
        self._progress = Progress()
        self._rates: dict[str, float] = {}

    def observe(self, sample: Sample) -> None:
        self._progress.observe(sample)
        found = ratios(sample)
        for parameter, ratio in found:
            before = self._rates.get(parameter.name)
            rising = parameter.lr is not None and before is not None and parameter.lr > before
            if parameter.lr is not None:
                self._rates[parameter.name] = parameter.lr
            others = of_others(found, parameter)
            if ratio == 0:
                ratio = rounded_away(parameter) or 0.0
            small = 0 < ratio < _NOTHING or (others is not None and 0 < ratio < min(_RELATIVE * others, _AT_MOST))
            holds = small and not rising and not self._progress.converged
            self._found.observe(parameter.name, sample.step, (parameter, ratio) if holds else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        name, seen = found[0]
        parameter, ratio = seen.what
        gradient = f"; its gradient's norm is {number(parameter.gradient.norm)}" if parameter.gradient else ""
        lr = f" (learning rate {number(parameter.lr)})" if parameter.lr else ""
        others = [other for other, _ in found[1:]]
        yield Finding(
            code=self.code,
            severity=seen.severity("warning"),
            title=f"{name} hardly moves: a step changes it by {number(ratio)} of its size{lr}",
            layer=parameter.layer,
            gradient=name,
            evidence=(
                f"‖update‖ / ‖weights‖ is {number(ratio)} at step {seen.last}{gradient}; about 0.001 is usual",
                *([f"likewise {listed(others)}"] if others else []),
                *seen.remark,
            ),
            help=("raise the learning rate, if the gradient is of the usual size; else find out why it is small",),
            step=seen.since,
        )
