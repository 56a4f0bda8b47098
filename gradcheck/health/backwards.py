"""The gradient's size on its way back through the layers."""

from __future__ import annotations

from gradcheck.health.depth import Trend, sizes, trend
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.words import number

__all__ = ["backwards", "evidence_of"]


def backwards(sample: Sample) -> tuple[list[LayerSample], Trend | None]:
    """The layers in the order in which the gradient reaches them, and its trend; it vanishes with a factor below 1."""
    layers = sizes(sample.layers, lambda layer: layer.gradient)[::-1]
    return [layer for layer, _ in layers], trend([size for _, size in layers])


def evidence_of(fit: Trend) -> str:
    """The line that shows both ends of a trend."""
    return (
        f"root mean square of the gradient of the outputs: {number(fit.values[0])} at the last of {len(fit.values)} "
        f"layers with weights, {number(fit.values[-1])} at the first"
    )
