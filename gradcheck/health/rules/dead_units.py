"""GC320: ReLU units that are 0 for every sample, so that no gradient reaches their weights."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, ClassVar

import numpy as np

from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.words import layer_name, listed, percent
from gradcheck.report import Finding, Severity

__all__ = ["DeadUnits"]

_SAMPLES = 256
_STEPS = 5
_SHARE_OF_RUN = 0.2
_WARN, _TELL = 0.4, 0.15
_HARM = 0.8
_LEARNS = 0.5
_LOSSES = 5
_SHOWN = 3

_Counts = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(slots=True)
class _Units:
    """What was seen of a layer: ``active`` holds the numbers below as they were when each unit was last active."""

    layer: LayerSample
    began: int
    active: dict[str, _Counts]
    samples: int = 0
    sampled: int = 0
    steps: int = 0

    def dead(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """The units that have been 0 for long enough, and are until now."""
        samples = self.samples - self.active["samples"]
        sampled = self.sampled - self.active["sampled"]
        steps = self.steps - self.active["steps"]
        long: np.ndarray[Any, np.dtype[np.bool_]] = (
            (samples >= _SAMPLES) & (sampled >= _STEPS) & (steps >= _SHARE_OF_RUN * self.steps)
        )
        return long


class DeadUnits(Rule):
    """dead / units ≥ 0.4, where a unit is dead that has been 0 for every one of the last 256 samples or more.

    Units, not entries: 27 to 59 % of the entries of a healthy ReLU are 0. A channel of a convolution is one unit. The
    samples are of five sampled steps or more, and over a fifth of the steps so far. A share from 0.15 on is told as
    information, and below 0.8 also that of a network whose loss has come down to half: it gets on with the units that
    it has (Adam's first steps alone can kill 56 % of a healthy one's). Calibrated: see tests/benchmarks; Lu et al.
    (2019), "Dying ReLU and initialization", on why they stay dead.
    """

    code: ClassVar[str] = "GC320"

    def __init__(self) -> None:
        self._layers: dict[str, _Units] = {}
        self._first_loss: float | None = None
        self._losses: deque[float] = deque(maxlen=_LOSSES)

    def observe(self, sample: Sample) -> None:
        if sample.loss is not None:
            self._first_loss = sample.loss if self._first_loss is None else self._first_loss
            self._losses.append(sample.loss)
        for layer in sample.layers:
            if layer.kind == "relu" and layer.active is not None and layer.active.size:
                self._see(sample, layer, np.asarray(layer.active, dtype=np.bool_).ravel())

    def _see(self, sample: Sample, layer: LayerSample, active: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
        units = self._layers.get(layer.name)
        if units is None or units.active["samples"].size != active.size:
            never = {what: np.zeros(active.size, dtype=np.int64) for what in ("samples", "sampled", "steps")}
            units = self._layers[layer.name] = _Units(layer, sample.step, never)
        units.layer = layer
        units.samples += sample.samples or 1
        units.sampled += 1
        units.steps = sample.step + 1 - units.began
        for what, last in units.active.items():
            last[active] = getattr(units, what)

    def findings(self) -> Iterator[Finding]:
        learns = self._first_loss is not None and 0 <= median(self._losses) <= _LEARNS * self._first_loss
        dead = {name: units.dead() for name, units in self._layers.items()}
        found = [name for name, mask in dead.items() if mask.mean() >= _TELL]
        for number, name in enumerate(found[:_SHOWN]):
            units, mask = self._layers[name], dead[name]
            count, share = int(mask.sum()), float(mask.mean())
            what = "channels" if len(units.layer.shape) > 2 else "units"
            all_ = count == mask.size
            severity: Severity = "error" if all_ else "warning" if share >= (_HARM if learns else _WARN) else "info"
            since = np.sort(units.active["steps"][mask]) + units.began
            over = units.samples - int(units.active["samples"][mask].max())
            more = found[_SHOWN:] if number == _SHOWN - 1 else []
            yield Finding(
                code=self.code,
                severity=severity,
                title=f"{layer_name(units.layer)}: {'all' if all_ else percent(share)} of its {what} were 0 for all of "
                f"the last {over} samples",
                layer=name,
                where=units.layer.where,
                evidence=(
                    f"dead are {count} of {mask.size} {what}, the first since step {since[0]}, half of them since step "
                    f"{since[count // 2]}",
                    *([f"likewise layers {listed(more)}"] if more else []),
                ),
                help=(
                    "lower the learning rate (one step too large pushes biases far below 0), or start anew with "
                    "biases 0 and weights of std sqrt(2/fan_in) (He)",
                    "LeakyReLU or GELU let a unit come back",
                ),
                step=int(since[count // 2]),
            )
