"""GC313: the gradient grows on its way back through the layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from gradcheck.health.backwards import backwards, evidence_of
from gradcheck.health.depth import Trend
from gradcheck.health.floats import usable
from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, ParameterSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, number, times
from gradcheck.report import Finding

__all__ = ["ExplodingGradients"]

_TOTAL = 1e3
_OF_WEIGHTS = 1e4


class ExplodingGradients(Rule):
    """exp(slope · (layers - 1)) > 1e3, fitted as for vanishing gradients; or ‖g‖ > 1e4 ‖w‖ for a weight.

    Exempt: parameters that begin near 0, biases and norms. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC313"

    def __init__(self) -> None:
        self._depth: Symptoms[tuple[LayerSample, Trend]] = Symptoms()
        self._weights: Symptoms[tuple[ParameterSample, float]] = Symptoms()

    def observe(self, sample: Sample) -> None:
        layers, fit = backwards(sample)
        self._depth.observe("", sample.step, (layers[fit.start], fit) if fit and fit.total > _TOTAL else None)
        for parameter in sample.parameters:
            g, w = parameter.gradient, parameter.weight
            if parameter.role == "weight" and usable(g) and usable(w) and w.rms > 1e-6:
                ratio = g.norm / w.norm
                self._weights.observe(parameter.name, sample.step, (parameter, ratio) if ratio > _OF_WEIGHTS else None)

    def findings(self) -> Iterator[Finding]:
        help_ = (
            "draw the weights smaller (std sqrt(2/fan_in) before a ReLU), or lower the learning rate",
            "clip_grad_norm_ bounds what is left; in a recurrent net it is part of the method",
        )
        severity: Literal["warning"] = "warning"
        for _, seen in self._depth:
            layer, fit = seen.what
            yield Finding(
                code=self.code,
                severity=seen.severity(severity),
                title=f"gradients explode on the way back, by {times(fit.factor)} a layer: "
                f"from {layer_name(layer)} to the input",
                layer=layer.name,
                where=layer.where,
                evidence=(evidence_of(fit), *seen.remark),
                help=help_,
                step=seen.since,
            )
            return
        for _, big in self._weights:
            parameter, ratio = big.what
            yield Finding(
                code=self.code,
                severity=big.severity(severity),
                title=f"the gradient of {parameter.name} is {number(ratio)} times as large as its weights",
                layer=parameter.layer,
                gradient=parameter.name,
                evidence=(f"at step {big.last}; so since step {big.since}", *big.remark),
                help=help_,
                step=big.since,
            )
            return
