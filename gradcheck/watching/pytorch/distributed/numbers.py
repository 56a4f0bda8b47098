"""The numbers of a sample in one flat array, and what of a sample is not a number."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.health.sample import LayerSample, ParameterSample, Sample, Stats

__all__ = ["LAYER", "PARAMETER", "STATS", "Numbers", "Outline", "Packed", "outline_of", "stats_from"]

Array = np.ndarray[Any, np.dtype[np.float64]]

STATS = ("count", "norm", "low", "high", "mean", "bad", "zeros", "smallest", "subnormal")
LAYER = ("flat", "slope", "growth", "calls", "times")
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
    """What changes: (layers × 32) and (parameters × 32) numbers, NaN for what was not measured, and which units act."""

    layers: Array
    parameters: Array
    active: list[np.ndarray[Any, np.dtype[np.bool_]] | None]

    @classmethod
    def of(cls, sample: Sample, copies: dict[str, int]) -> Numbers:
        """Those of a sample; ``copies``: how many processes hold the same part of each parameter."""
        layers = [
            (
                *_three(x.activation, x.gradient, x.input_gradient),
                *map(_told, (x.flat, x.slope, x.growth, x.calls, x.times)),
            )
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

    def packed(self) -> Packed:
        """As few bytes as they need."""
        numbers = np.concatenate([self.layers.ravel(), self.parameters.ravel()])
        there = ~np.isnan(numbers)
        units = [a for a in self.active if a is not None]
        masks = np.packbits(np.concatenate(units)) if units else np.zeros(0, np.uint8)
        return Packed(np.packbits(there).tobytes(), numbers[there].tobytes(), masks.tobytes())


@dataclass(frozen=True)
class Packed:
    """Which numbers are there, a bit for each that may be; those that are; and which units act, a bit for each."""

    there: bytes
    values: bytes
    masks: bytes

    def unpacked(self, outline: Outline) -> Numbers:
        """The numbers, of a sample with this outline."""
        layers = len(outline.layers), 3 * len(STATS) + len(LAYER)
        parameters = len(outline.parameters), 3 * len(STATS) + len(PARAMETER)
        first = layers[0] * layers[1]
        size = first + parameters[0] * parameters[1]
        there = np.unpackbits(np.frombuffer(self.there, np.uint8), count=size).astype(bool)
        numbers = np.full(size, np.nan)
        numbers[there] = np.frombuffer(self.values, np.float64)
        masks = np.unpackbits(np.frombuffer(self.masks, np.uint8), count=sum(outline.units)).astype(bool)
        ends = itertools.accumulate(outline.units)
        active = [masks[end - n : end] if n else None for n, end in zip(outline.units, ends, strict=True)]
        return Numbers(numbers[:first].reshape(layers), numbers[first:].reshape(parameters), active)


def outline_of(sample: Sample) -> Outline:
    """What of its layers and parameters is no number."""
    layers = tuple(
        replace(
            x,
            activation=_empty(x.activation), gradient=_empty(x.gradient), input_gradient=_empty(x.input_gradient),
            flat=None, slope=None, growth=None, calls=0, times=0, active=None, gates=(), histograms=(),
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
