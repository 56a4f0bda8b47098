"""GC324: a layer that passes the gradient to few positions by design."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.words import layer_name
from gradcheck.report import Finding

__all__ = ["FewPositions"]

_SHOWN = 3


class FewPositions(Rule):
    """The watcher names a mask that passes gradient to one of k positions (a max-pool: k is its window).

    Information, never a fault. No threshold.
    """

    code: ClassVar[str] = "GC324"

    def __init__(self) -> None:
        self._found: dict[str, tuple[int, LayerSample]] = {}

    def observe(self, sample: Sample) -> None:
        for layer in sample.layers:
            if layer.passes and (layer.name in self._found or len(self._found) < _SHOWN):
                self._found.setdefault(layer.name, (sample.step, layer))

    def findings(self) -> Iterator[Finding]:
        for step, layer in self._found.values():
            yield Finding(
                code=self.code,
                severity="info",
                title=f"{layer_name(layer)} passes the gradient to {layer.passes}",
                layer=layer.name,
                where=layer.where,
                evidence=("that is its derivative, and no fault; what is below learns from these positions alone",),
                step=step,
            )
