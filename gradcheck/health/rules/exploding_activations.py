"""GC311: what the layers put out grows from layer to layer, or as the training goes on."""

from __future__ import annotations

from typing import ClassVar

from gradcheck.health.activations import BEYOND, ChangingActivations
from gradcheck.report import Severity

__all__ = ["ExplodingActivations"]


class ExplodingActivations(ChangingActivations):
    """exp(slope · (layers - 1)) > 1e3, the slope fitted to log rms(output) over depth; or 1e3 times the first rms.

    The first is that of the first sample, or of the first call of a layer that is called several times a step. A layer
    that began smaller than others (a zero-initialised one) is held against the largest of them. Exempt: gates.
    Calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC311"
    verb: ClassVar[str] = "explode"
    severity: ClassVar[Severity] = "error"
    advice: ClassVar[tuple[str, ...]] = (
        "lower the learning rate, or draw the weights smaller: std sqrt(2/fan_in) before a ReLU (He)",
        "or put a normalisation between the layers",
    )

    def bad(self, factor: float) -> bool:
        return factor > BEYOND
