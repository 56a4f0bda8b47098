"""GC312: the gradient shrinks on its way back through the layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.backwards import backwards, evidence_of
from gradcheck.health.depth import Trend
from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, times
from gradcheck.report import Finding

__all__ = ["VanishingGradients"]

_TOTAL = 1e3


class VanishingGradients(Rule):
    """exp(slope · (layers - 1)) < 1e-3, the slope fitted to log rms(gradient of the output) from the loss backwards.

    Relative across layers, so that a loss that has converged, where all gradients are small, is none. Exempt: fewer
    than three layers with weights, gates, gradients that are exactly 0 (GC325 and GC333 are about those).
    Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC312"

    def __init__(self) -> None:
        self._found: Symptoms[tuple[LayerSample, Trend]] = Symptoms()

    def observe(self, sample: Sample) -> None:
        layers, fit = backwards(sample)
        self._found.observe("", sample.step, (layers[fit.start], fit) if fit and fit.total < 1 / _TOTAL else None)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._found:
            layer, fit = seen.what
            yield Finding(
                code=self.code,
                severity=seen.severity("warning"),
                title=f"gradients vanish on the way back, by {times(fit.factor)} a layer: "
                f"from {layer_name(layer)} to the input",
                layer=layer.name,
                where=layer.where,
                evidence=(evidence_of(fit), *seen.remark),
                help=(
                    "use ReLU in place of logistic or tanh in hidden layers, with weights of std sqrt(2/fan_in) (He)",
                    "or put a normalisation or a skip connection between the layers",
                ),
                step=seen.since,
            )
