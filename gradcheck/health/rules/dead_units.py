"""GC320: ReLU units that are 0 for every sample, so that no gradient reaches their weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.words import layer_name, listed, percent
from gradcheck.report import Finding, Severity

__all__ = ["DeadUnits"]

_SAMPLES = 256
_STEPS = 3
_WARN, _TELL = 0.4, 0.15
_SHOWN = 3


@dataclass(slots=True)
class _Units:
    layer: LayerSample
    began: int
    alive: np.ndarray[Any, np.dtype[np.bool_]]
    samples: int = 0
    steps: int = 0
    dead: np.ndarray[Any, np.dtype[np.bool_]] | None = None  # over the last full window
    since: int | None = None  # the beginning of the first window with too many
    over: int = 0  # samples in the window that ``dead`` is about
    history: list[float] = field(default_factory=list)  # the first share and the last


class DeadUnits(Rule):
    """dead / units ≥ 0.4, where a unit is dead that was 0 for every sample of a window of at least 256 samples.

    Units, not entries: 27 to 59 % of the entries of a healthy ReLU are 0. A channel of a convolution is one unit. A
    window also has three sampled steps or more. A share from 0.15 on is told as information. Calibrated: see
    tests/benchmarks; Lu et al. (2019), "Dying ReLU and initialization", on why they stay dead.
    """

    code: ClassVar[str] = "GC320"

    def __init__(self) -> None:
        self._layers: dict[str, _Units] = {}

    def observe(self, sample: Sample) -> None:
        for layer in sample.layers:
            if layer.kind == "relu" and layer.active is not None and layer.active.size:
                self._see(sample, layer, np.asarray(layer.active, dtype=np.bool_).ravel())

    def _see(self, sample: Sample, layer: LayerSample, active: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        units = self._layers.get(layer.name)
        if units is None or units.alive.size != active.size:
            units = self._layers[layer.name] = _Units(layer, sample.step, active.copy())
        units.layer = layer
        units.alive = units.alive | active
        units.samples += sample.samples or 1
        units.steps += 1
        if units.samples < _SAMPLES or units.steps < _STEPS:
            return
        units.dead, units.over = ~units.alive, units.samples
        share = float(units.dead.mean())
        units.history = [*units.history[:1], share]
        if share >= _TELL and units.since is None:
            units.since = units.began
        units.alive = np.zeros_like(active)
        units.samples = units.steps = 0
        units.began = sample.step + 1

    def findings(self) -> Iterator[Finding]:
        found = [u for u in self._layers.values() if u.dead is not None and u.since is not None]
        found = [u for u in found if u.history[-1] >= _TELL]
        for number, units in enumerate(found[:_SHOWN]):
            assert units.dead is not None
            share, what = units.history[-1], "channels" if len(units.layer.shape) > 2 else "units"
            dead = int(units.dead.sum())
            all_ = dead == units.dead.size
            severity: Severity = "error" if all_ else "warning" if share >= _WARN else "info"
            before = f"; {percent(units.history[0])} in the first such window" if len(units.history) > 1 else ""
            more = [u.layer.name for u in found[_SHOWN:]] if number == _SHOWN - 1 else []
            yield Finding(
                code=self.code,
                severity=severity,
                title=f"{layer_name(units.layer)}: {'all' if all_ else percent(share)} of its {what} were 0 for all of "
                f"the last {units.over} samples",
                layer=units.layer.name,
                where=units.layer.where,
                evidence=(
                    f"dead are {dead} of {units.dead.size} {what}{before}",
                    *([f"likewise layers {listed(more)}"] if more else []),
                ),
                help=(
                    "lower the learning rate (one step too large pushes biases far below 0), or start anew with "
                    "biases 0 and weights of std sqrt(2/fan_in) (He)",
                    "LeakyReLU or GELU let a unit come back",
                ),
                step=units.since,
            )
