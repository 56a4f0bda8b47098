"""GC314: the weights are drawn so that the signal grows or shrinks with every layer, before any step is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar

from gradcheck.health.depth import WEIGHTED, sizes, trend
from gradcheck.health.floats import usable
from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, ParameterSample, Sample
from gradcheck.health.words import called, number, times
from gradcheck.report import Finding, Severity

__all__ = ["InitialSignal"]

_WARN, _TELL = 1e3, 30.0  # over all layers
_EACH = 8.0  # a layer
_GAIN = 4.0


class InitialSignal(Rule):
    """At the first sample: the fitted factor of rms(output) over all layers is outside [1e-3, 1e3], or a gain above 4.

    The gain of a weight is rms(w) · sqrt(fan_in): 1.4 as He et al. (2015) draw it, about 1 as Glorot and Bengio (2010)
    do, 0.58 as torch does. A factor outside [1/30, 30] is told as information. Exempt: what a normalisation follows,
    embeddings, and a gain whose layer puts out values below 3 all the same. Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC314"

    def __init__(self) -> None:
        self._finding: Finding | None = None

    def observe(self, sample: Sample) -> None:
        if not sample.first or self._finding is not None:
            return
        if any(layer.activation is not None and layer.activation.norm == 0 for layer in sample.layers):
            return  # a layer that puts out nothing but 0 is the fault, and the next one has its bias alone
        weights = {p.layer: p for p in sample.parameters if p.role == "weight" and p.fan_in and usable(p.weight)}
        layers = sizes(sample.layers, lambda layer: layer.activation)
        fit = trend([size for _, size in layers])
        beyond = abs(math.log(fit.total)) if fit else 0.0
        each = abs(math.log(fit.factor)) if fit else 0.0
        if fit and (beyond > math.log(_TELL) or each > math.log(_EACH)):
            layer = layers[fit.start][0]
            grows = "grows" if fit.factor > 1 else "shrinks"
            self._finding = self._say(
                sample.step,
                layer,
                weights.get(layer.name),
                "warning" if beyond > math.log(_WARN) or each > math.log(_EACH) else "info",
                f"the signal {grows} by {times(fit.factor)} a layer at initialisation",
                f"root mean square of the outputs: {number(fit.values[0])} in the first of {len(fit.values)} layers "
                f"with weights, {number(fit.values[-1])} in the last",
            )
            return
        for layer in _not_normalised(sample.layers):
            weight = weights.get(layer.name)
            gain = weight.weight.rms * math.sqrt(weight.fan_in) if weight and weight.fan_in else 0.0
            size = layer.activation.rms if usable(layer.activation) else 0.0
            if weight and gain > _GAIN and size > 3:
                told = f"its outputs are {number(size)} (root mean square) for the first batch"
                title = f"the weights of {called(layer.name)} are drawn {number(gain)} times too large"
                self._finding = self._say(sample.step, layer, weight, "warning", title, told)
                return

    def findings(self) -> Iterator[Finding]:
        if self._finding is not None:
            yield self._finding

    def _say(
        self, step: int, layer: LayerSample, weight: ParameterSample | None, severity: Severity, title: str, told: str
    ) -> Finding:
        told_of = [told]
        help_ = "draw the weights with std sqrt(2/fan_in) before a ReLU (He), sqrt(2/(fan_in+fan_out)) else (Glorot)"
        if weight is not None and weight.fan_in:
            stats, fan_out = weight.weight, weight.fan_out or weight.fan_in
            he, glorot = number(math.sqrt(2 / weight.fan_in)), number(math.sqrt(2 / (weight.fan_in + fan_out)))
            std = stats.std if stats.std is not None else stats.rms
            biased = stats.mean is not None and abs(stats.mean) > std / 2
            has = f"std {number(std)}" + (f" and mean {number(stats.mean)}" if biased and stats.mean else "")
            title += f": {weight.name} has {has}, He's is {he}"
            told_of.append(f"{weight.name}: {has}; with fan_in {weight.fan_in} He's std is {he}, Glorot's {glorot}")
            help_ = f"draw {weight.name} with std {he} (He: sqrt(2/fan_in)) before a ReLU, else {glorot} (Glorot)"
            help_ += ", and mean 0" if biased else ""
        return Finding(
            code=self.code,
            severity=severity,
            title=title,
            layer=layer.name,
            where=layer.where,
            evidence=tuple(told_of),
            help=(help_,),
            step=step,
        )


def _not_normalised(layers: list[LayerSample]) -> list[LayerSample]:
    """The layers with a matrix whose output does not go straight into a normalisation."""
    after = {layer.name: following.kind for layer, following in pairwise(layers)}
    return [layer for layer in layers if layer.kind in WEIGHTED and not layer.gate and after.get(layer.name) != "norm"]
