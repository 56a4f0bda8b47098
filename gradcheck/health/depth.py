"""How a size changes from layer to layer: a line through its logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.health.floats import usable
from gradcheck.health.sample import LayerSample, Stats

__all__ = ["WEIGHTED", "Trend", "sizes", "trend"]

WEIGHTED = frozenset({"linear", "conv", "rnn", "attention"})
"""Layers with a matrix: each is one step of depth. What stands between them (activations, norms) belongs to a step."""

_FEWEST = 3  # two layers have a ratio and no trend
_STRAIGHT = 0.5  # the share of the variance of the logarithms that the line explains


@dataclass(frozen=True, slots=True)
class Trend:
    """A size that changes by ``factor`` a layer, by ``total`` over all of them; ``start`` is where that begins."""

    factor: float
    total: float
    start: int
    values: tuple[float, ...]


def sizes(
    layers: Iterable[LayerSample], measured: Callable[[LayerSample], Stats | None]
) -> list[tuple[LayerSample, float]]:
    """The layers with a matrix, in the order of their calls, each with the root mean square of what was measured.

    Gates inside cells are left out, and what is exactly 0 (other rules are about it) or not finite.
    """
    found = []
    for layer in layers:
        stats = measured(layer) if layer.kind in WEIGHTED and not layer.gate else None
        if usable(stats) and stats.rms > 0:
            found.append((layer, stats.rms))
    return found


def trend(values: Sequence[float]) -> Trend | None:
    """The fitted factor a layer; None for fewer than three layers, or where no line fits."""
    if len(values) < _FEWEST:
        return None
    logs = np.log(np.asarray(values))
    depth = np.arange(len(logs)) - (len(logs) - 1) / 2
    slope = float(depth @ logs / (depth @ depth))
    spread = float(((logs - logs.mean()) ** 2).sum())
    if spread == 0 or slope**2 * float(depth @ depth) < _STRAIGHT * spread:
        return None
    steps = np.diff(logs) * math.copysign(1.0, slope)
    start = int(np.argmax(steps >= steps.max() / 2)) + 1  # the first step that is at least half the steepest
    return Trend(math.exp(slope), math.exp(slope * (len(logs) - 1)), start, tuple(map(float, values)))
