"""How a size changes from layer to layer: a line through its logarithms."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

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
        if usable(stats):
            size = stats.rms
            if size > 0:
                found.append((layer, size))
    return found


def trend(values: Sequence[float]) -> Trend | None:
    """The fitted factor a layer; None for fewer than three layers, or where no line fits."""
    if len(values) < _FEWEST:
        return None
    # In plain Python: these are a few numbers, and NumPy takes longer to begin than this does to end.
    logs = [math.log(value) for value in values]
    middle, mean = (len(logs) - 1) / 2, sum(logs) / len(logs)
    squares = sum([(i - middle) ** 2 for i in range(len(logs))])
    slope = sum([(i - middle) * log for i, log in enumerate(logs)]) / squares
    spread = sum([(log - mean) ** 2 for log in logs])
    if spread == 0 or slope**2 * squares < _STRAIGHT * spread:
        return None
    sign = math.copysign(1.0, slope)
    steps = [sign * (b - a) for a, b in pairwise(logs)]
    half = max(steps) / 2
    start = next(i for i, step in enumerate(steps) if step >= half) + 1  # the first that is half the steepest or more
    return Trend(math.exp(slope), math.exp(slope * (len(logs) - 1)), start, tuple(map(float, values)))
