"""GC334: a parameter has a gradient, and no optimizer has the parameter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import listed
from gradcheck.report import Finding

__all__ = ["OutsideOptimizer"]


class OutsideOptimizer(Rule):
    """A gradient that is not 0, for a parameter that no watched optimizer has, at three of five samples.

    Exempt: what is frozen, and a watch in which no parameter has an optimizer (then there is none to know of).
    """

    code: ClassVar[str] = "GC334"

    def __init__(self) -> None:
        self._found: Symptoms[ParameterSample] = Symptoms()

    def observe(self, sample: Sample) -> None:
        known = any(parameter.trained for parameter in sample.parameters)
        for parameter in sample.parameters:
            has = parameter.gradient is not None and parameter.gradient.norm != 0
            left_out = known and has and not parameter.trained and not parameter.frozen
            self._found.observe(parameter.name, sample.step, parameter if left_out else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        first, seen = found[0]
        names = [name for name, _ in found]
        is_, a = ("is", "a gradient") if len(names) == 1 else ("are", "gradients")
        yield Finding(
            code=self.code,
            severity=seen.severity("warning"),
            title=f"{listed(names)} {is_} not in the optimizer, and so never updated",
            layer=seen.what.layer,
            gradient=first,
            evidence=(f"{'it has' if len(names) == 1 else 'they have'} {a} since step {seen.since}", *seen.remark),
            help=(
                "make the optimizer after all layers, with all of model.parameters(), or add_param_group; if they are "
                "not to be trained, requires_grad_(False) says so and saves their gradients",
            ),
            step=seen.since,
        )
