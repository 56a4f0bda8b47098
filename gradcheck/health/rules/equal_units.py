"""GC335: the units of a layer begin with equal weights, and stay equal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.health.words import called, listed, number
from gradcheck.report import Finding

__all__ = ["EqualUnits"]


class EqualUnits(Rule):
    """At the first sample: all units of a layer have the same weights, and as far as is known the same gradients.

    Units that are equal going in and going out get equal gradients and never become different. Exempt: the last layer
    (the labels tell its units apart), what is frozen, and layers of zeros in a network whose other layers are random
    (a zero-initialised branch of a residual net: its units part as soon as the layers after them have moved).
    """

    code: ClassVar[str] = "GC335"

    def __init__(self) -> None:
        self._found: tuple[int, list[ParameterSample]] | None = None

    def observe(self, sample: Sample) -> None:
        if not sample.first or self._found is not None:
            return
        weights = [p for p in sample.parameters if p.role == "weight" and len(p.shape) > 1 and not p.frozen]
        random = any(p.weight.norm and not p.equal_columns for p in weights)
        equal = [p for p in weights[:-1] if p.equal_columns and (p.weight.norm or not random)]
        if equal:
            self._found = sample.step, equal

    def findings(self) -> Iterator[Finding]:
        if self._found is None:
            return
        step, equal = self._found
        first = equal[0]
        zero = first.weight.norm == 0
        value = "0" if zero else f"equal in all units (root mean square {number(first.weight.rms)})"
        yield Finding(
            code=self.code,
            severity="error",
            title=f"all units of {called(first.layer)} begin with the same weights ({first.name}"
            + (", all 0)" if zero else ")")
            + ", and stay equal",
            layer=first.layer,
            gradient=first.name,
            evidence=(
                f"{listed([p.name for p in equal])}: {value}; their gradients are equal too: the layer is as one unit",
            ),
            help=("draw the weights at random: std sqrt(2/fan_in) before a ReLU (He); only biases may begin at 0",),
            step=step,
        )
