"""The numbers of a sample in one flat array, and what of a sample is not a number."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.health.sample import LayerSample, ParameterSample, Sample, Stats

__all__ = ["LAYER", "PARAMETER", "Numbers", "Outline", "outline_of", "stats_from"]

Array = np.ndarray[Any, np.dtype[np.float64]]

STATS = ("count", "norm", "low", "high", "mean", "bad", "zeros", "smallest", "subnormal")
LAYER = ("flat", "slope", "growth", "calls")
"""What a layer has besides the statistics of its output, its gradient and its input's gradient."""
PARAMETER = ("lr", "carried", "equal_columns", "before_norm", "copies")
"""What a parameter has besides the statistics of its weights, its gradient and its update."""


@dataclass(frozen=True)
class Outline:
    """Layers and parameters without their numbers. It rarely changes from sample to sample: it is sent when it does."""

    layers: tuple[LayerSample, ...]
    parameters: tuple[ParameterSample, ...]
    units: tuple[int, ...]  # of each layer: the length of ``active``


@dataclass
class Numbers:
    """What changes: (layers × 31) and (parameters × 32) numbers, NaN where nothing was measured, and which units act.

    As bytes only the numbers that are there are sent, and a bit for each that may be.
    """

    layers: Array
    parameters: Array
    active: list[np.ndarray[Any, np.dtype[np.bool_]] | None]

    @classmethod
    def of(cls, sample: Sample, copies: dict[str, int]) -> Numbers:
        """Those of a sample; ``copies``: how many processes hold the same part of each parameter."""
        layers = [
            (*_three(x.activation, x.gradient, x.input_gradient), *map(_told, (x.flat, x.slope, x.growth, x.calls)))
            for x in sample.layers
        ]
        parameters = [
            (
                *_three(p.weight, p.gradient, p.update),
                *map(_told, (p.lr, p.carried, p.equal_columns, p.before_norm, copies.get(p.name, 0))),
            )
            for p in sample.parameters
        ]
        return cls(_table(layers, LAYER), _table(parameters, PARAMETER), [x.active for x in sample.layers])

    def __getstate__(self) -> tuple[bytes, bytes, bytes]:
        numbers = np.concatenate([self.layers.ravel(), self.parameters.ravel()])
        there = ~np.isnan(numbers)
        units = [a for a in self.active if a is not None]
        masks = np.packbits(np.concatenate(units)) if units else np.zeros(0, np.uint8)
        return np.packbits(there).tobytes(), numbers[there].tobytes(), masks.tobytes()

    def __setstate__(self, state: tuple[bytes, bytes, bytes]) -> None:
        self._state = state

    def unpacked(self, outline: Outline) -> Numbers:
        """What came as bytes, with the outline that belongs to it."""
        there_bits, values, mask_bits = self._state
        shape = (len(outline.layers), 3 * len(STATS) + len(LAYER))
        size = shape[0] * shape[1] + len(outline.parameters) * (3 * len(STATS) + len(PARAMETER))
        there = np.unpackbits(np.frombuffer(there_bits, np.uint8), count=size).astype(bool)
        numbers = np.full(size, np.nan)
        numbers[there] = np.frombuffer(values, np.float64)
        masks = np.unpackbits(np.frombuffer(mask_bits, np.uint8), count=sum(outline.units)).astype(bool)
        ends = np.cumsum(outline.units)
        active = [masks[end - n : end] if n else None for n, end in zip(outline.units, ends, strict=True)]
        first = numbers[: shape[0] * shape[1]].reshape(shape)
        return Numbers(first, numbers[first.size :].reshape(len(outline.parameters), -1), active)


def outline_of(sample: Sample) -> Outline:
    """What of its layers and parameters is no number."""
    layers = tuple(
        replace(
            x,
            activation=_empty(x.activation), gradient=_empty(x.gradient), input_gradient=_empty(x.input_gradient),
            flat=None, slope=None, growth=None, calls=0, active=None, histograms=(),
        )
        for x in sample.layers
    )  # fmt: skip
    parameters = tuple(
        replace(
            p,
            weight=Stats(0, 0.0, p.weight.dtype), gradient=_empty(p.gradient), update=_empty(p.update),
            lr=None, carried=False, equal_columns=False, before_norm=False, histograms=(),
        )
        for p in sample.parameters
    )  # fmt: skip
    return Outline(layers, parameters, tuple(0 if x.active is None else x.active.size for x in sample.layers))


def stats_from(row: Array, dtype: str) -> Stats | None:
    """The statistics that nine numbers stand for; None where nothing was measured."""
    count, norm, low, high, mean, bad, zeros, smallest, subnormal = row.tolist()
    if math.isnan(count):
        return None
    damaged = bad > 0  # then extremes that are NaN were measured
    return Stats(
        count=round(count),
        norm=norm,
        dtype=dtype,
        low=low if damaged else _given(low),
        high=high if damaged else _given(high),
        mean=_given(mean),
        bad=round(bad),
        zeros=_counted(zeros),
        smallest=_given(smallest),
        subnormal=_counted(subnormal),
    )


def _empty(stats: Stats | None) -> Stats | None:
    return None if stats is None else Stats(0, 0.0, stats.dtype)


def _numbers(stats: Stats | None) -> list[float]:
    if stats is None:
        return [math.nan] * len(STATS)
    s = stats
    told = (s.low, s.high, s.mean, s.bad, s.zeros, s.smallest, s.subnormal)
    return [float(s.count), s.norm, *map(_told, told)]


def _three(*three: Stats | None) -> list[float]:
    return [number for stats in three for number in _numbers(stats)]


def _table(rows: list[tuple[float, ...]], more: tuple[str, ...]) -> Array:
    return np.array(rows, dtype=np.float64).reshape(len(rows), 3 * len(STATS) + len(more))


def _told(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _given(value: float) -> float | None:
    return None if math.isnan(value) else value


def _counted(value: float) -> int | None:
    return None if math.isnan(value) else round(value)
