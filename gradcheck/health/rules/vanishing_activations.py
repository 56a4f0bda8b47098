"""GC310: what the layers put out shrinks from layer to layer, or as the training goes on."""

from __future__ import annotations

from typing import ClassVar

from gradcheck.health.activations import BEYOND, ChangingActivations
from gradcheck.report import Severity

__all__ = ["VanishingActivations"]


class VanishingActivations(ChangingActivations):
    """exp(slope · (layers - 1)) < 1e-3, the slope fitted to log rms(output) over the depth; or rms < 1e-3 of the first.

    Relative across layers: a level alone raised 17 false alarms of 27 when this was calibrated (see tests/benchmarks).
    Layers with weights count as depth, and so do the calls of a layer that is called several times a step. Exempt:
    fewer than three layers, gates, outputs that are exactly 0.
    """

    code: ClassVar[str] = "GC310"
    verb: ClassVar[str] = "vanish"
    severity: ClassVar[Severity] = "warning"
    advice: ClassVar[tuple[str, ...]] = (
        "draw the weights with std sqrt(2/fan_in) before a ReLU (He), sqrt(2/(fan_in+fan_out)) before tanh (Glorot)",
        "or put a normalisation between the layers",
    )

    def bad(self, factor: float) -> bool:
        return factor < 1 / BEYOND

    def reference(self, name: str) -> float:
        return self._first.get(name, 0.0)
