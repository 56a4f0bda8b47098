"""GC325: gradient comes into a layer from above, and none leaves it below."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.floats import usable
from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, number
from gradcheck.report import Finding

__all__ = ["StoppedGradient"]

_NOTHING = 1e-7


class StoppedGradient(Rule):
    """rms(gradient of the input) ≤ 1e-7 · rms(gradient of the output), at three of five samples.

    1e-7 is float32's distance between numbers near 1: next to other gradients such a one is 0. Exempt: losses, and
    layers whose input asks for no gradient (nothing is measured there).
    """

    code: ClassVar[str] = "GC325"

    def __init__(self) -> None:
        self._found: Symptoms[LayerSample] = Symptoms()

    def observe(self, sample: Sample) -> None:
        for layer in sample.layers:
            above, below = layer.gradient, layer.input_gradient
            if layer.kind == "loss" or not usable(above) or not usable(below):
                continue
            stops = above.rms > 0 and below.rms <= _NOTHING * above.rms
            self._found.observe(layer.name, sample.step, layer if stops else None)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._found:
            layer = seen.what
            assert layer.gradient is not None
            assert layer.input_gradient is not None
            yield Finding(
                code=self.code,
                severity=seen.severity("error"),
                title=f"{layer_name(layer)} stops the gradient: {number(layer.gradient.rms)} comes in from above, "
                f"{number(layer.input_gradient.rms)} goes on below (root mean squares)",
                layer=layer.name,
                where=layer.where,
                evidence=(f"so since step {seen.since}: what is before it does not learn from this path", *seen.remark),
                help=(
                    "look at what it does to its input: rounding, argmax, a comparison, detach() or a zero mask has "
                    "derivative 0; so has an activation far in its flat part, and a weight that is 0",
                ),
                step=seen.since,
            )
