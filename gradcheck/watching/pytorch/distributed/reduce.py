"""The samples of all processes as one: what a single process with the whole batch would have measured.

Each process works on its part of the batch, with a loss of its own; what is trained on is the mean of these losses. So
of n processes the loss's gradient with respect to an activation is 1/n of what each sees of its own loss. Gradients of
parameters are averaged by DDP and FSDP2 already.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from gradcheck.health.sample import GradientClip, LayerSample, OutputSample, ParameterSample, Ranks, Sample, ValueClip
from gradcheck.watched import Histogram
from gradcheck.watching.pytorch.distributed.numbers import LAYER, PARAMETER, STATS, Numbers, Outline, stats_from

__all__ = ["Part", "together"]

T = TypeVar("T", LayerSample, ParameterSample)
Array = np.ndarray[Any, np.dtype[np.float64]]

_COUNT, _NORM, _LOW, _HIGH, _MEAN, _BAD, _ZEROS, _SMALLEST, _SUBNORMAL = range(len(STATS))
_LENGTHS = (_NORM, _LOW, _HIGH, _MEAN, _SMALLEST)  # what doubles when the entries do
_SAME = 1e-6


@dataclass
class Part:
    """What one process measured of a step; ``rest`` is its sample without layers and parameters.

    ``shown`` are its histograms by name: those of the first process stand for all.
    """

    rank: int
    outline: Outline
    numbers: Numbers
    rest: Sample
    left_out: OutputSample | None = None
    shown: dict[str, tuple[Histogram, ...]] = field(default_factory=dict)


def together(parts: Sequence[Part], of: int) -> Sample:
    """The sample of the whole step; ``of`` processes train, of which at least one has told of it."""
    first = parts[0].rest
    layers, rows = _stacked([part.outline.layers for part in parts], [part.numbers.layers for part in parts])
    parameters, columns = _stacked(
        [part.outline.parameters for part in parts], [part.numbers.parameters for part in parts]
    )
    samples = sum(part.rest.samples for part in parts)
    active = _active(parts)
    made = _layers(layers, rows, of, first.samples, samples)
    weights = _parameters(parameters, columns)
    for layer in made:
        layer.active = active.get(layer.name)
        layer.histograms = parts[0].shown.get(layer.name, ())
    for parameter in weights:
        parameter.histograms = parts[0].shown.get(parameter.name, ())
    losses = tuple(part.rest.loss for part in parts)
    sharded = bool(columns.size) and bool((columns[..., -1] > 0).any())
    return replace(
        first,
        loss=mean_of(losses),
        samples=samples,
        layers=made,
        parameters=weights,
        output=_output([part.rest.output for part in parts], [part.left_out for part in parts]),
        value_clips=_value_clips([clip for part in parts for clip in part.rest.value_clips]),
        gradient_clips=_gradient_clips([part.rest.gradient_clips for part in parts], sharded),
        adversaries=any(part.rest.adversaries for part in parts),
        ranks=_ranks([part.rank for part in parts], of, losses, layers, rows, parameters, columns),
    )


def mean_of(losses: Iterable[float | None]) -> float | None:
    """The loss that is trained on."""
    known = [loss for loss in losses if loss is not None]
    return sum(known) / len(known) if known else None


def _stacked(outlines: Sequence[tuple[T, ...]], numbers: Sequence[Array]) -> tuple[list[T], Array]:
    """Every layer or parameter that any process has, and (processes × these × numbers), NaN where one has it not."""
    names = [[item.name for item in outline] for outline in outlines]
    if all(other == names[0] for other in names[1:]):
        return list(outlines[0]), np.stack(numbers)
    every = {item.name: item for outline in reversed(outlines) for item in reversed(outline)}
    order = dict.fromkeys(name for own in names for name in own)
    place = {name: i for i, name in enumerate(order)}
    stacked = np.full((len(outlines), len(order), numbers[0].shape[-1]), np.nan)
    for i, own in enumerate(names):
        stacked[i, [place[name] for name in own]] = numbers[i]
    return [every[name] for name in order], stacked


def _reduced(stats: Array, copies: Array | float = 1.0, scale: float = 1.0) -> Array:
    """(processes × things × 9) -> (things × 9); what ``copies`` of them hold counts once."""
    with np.errstate(all="ignore"):
        there = ~np.isnan(stats[..., _COUNT])
        any_there = there.any(0)
        found = np.full(stats.shape[1:], np.nan)
        counts = np.where(there, stats[..., _COUNT], 0.0)
        total = counts.sum(0)
        found[:, _COUNT] = np.where(any_there, total / copies, np.nan)
        norms = np.where(there, stats[..., _NORM], 0.0)
        largest = norms.max(0)  # so that squares do not leave the range
        safe = np.where((largest > 0) & np.isfinite(largest), largest, 1.0)
        norm = safe * np.sqrt(np.square(norms / safe).sum(0) / copies)
        found[:, _NORM] = np.where(any_there, norm, np.nan)

        def known(column: int, neutral: float) -> tuple[Array, Any]:
            """The column with what has no say in it, and where everybody with entries has measured it."""
            counted = there & (stats[..., _COUNT] > 0)
            measured = np.where(counted, stats[..., column], neutral)
            bad = stats[..., _BAD] > 0  # NaN was measured there
            return measured, any_there & ~(np.isnan(measured) & ~bad).any(0) & counted.any(0)

        for column, neutral, join in ((_LOW, np.inf, np.min), (_HIGH, -np.inf, np.max)):
            measured, all_did = known(column, neutral)
            found[:, column] = np.where(all_did, join(measured, axis=0), np.nan)
        measured, all_did = known(_MEAN, 0.0)
        found[:, _MEAN] = np.where(all_did & (total > 0), (measured * counts).sum(0) / total, np.nan)
        found[:, _BAD] = np.where(any_there, np.where(there, stats[..., _BAD], 0.0).sum(0) / copies, np.nan)
        for column in (_ZEROS, _SUBNORMAL):
            measured, all_did = known(column, 0.0)
            found[:, column] = np.where(all_did, measured.sum(0) / copies, np.nan)
        smallest = np.where(np.isnan(stats[..., _SMALLEST]), np.inf, stats[..., _SMALLEST]).min(0)
        found[:, _SMALLEST] = np.where(np.isfinite(smallest), smallest, np.nan)
        found[:, _LENGTHS] *= scale
    return found


def _layers(outline: list[LayerSample], rows: Array, of: int, own: int, samples: int) -> list[LayerSample]:
    n = len(STATS)
    outputs, gradients = _reduced(rows[..., :n]), _reduced(rows[..., n : 2 * n], scale=1 / of)
    inputs = _reduced(rows[..., 2 * n : 3 * n], scale=1 / of)
    flat, slope, growth, calls, times = (rows[..., 3 * n + i] for i in range(len(LAYER)))
    weights = np.nan_to_num(rows[..., _COUNT])  # a share counts by the entries that it is one of

    def mean(values: Array) -> list[float | None]:
        used = np.where(np.isnan(values), 0.0, weights)
        total = used.sum(0)
        sums = (np.nan_to_num(values) * used).sum(0)
        return [float(s / t) if t > 0 else None for s, t in zip(sums, total, strict=True)]

    flats, slopes, growths = mean(flat), mean(np.square(slope)), mean(growth)
    found = []
    for i, layer in enumerate(outline):
        square = slopes[i]
        found.append(
            replace(
                layer,
                shape=_shape(layer.shape, own, samples),
                activation=stats_from(outputs[i], _dtype(layer.activation)),
                gradient=stats_from(gradients[i], _dtype(layer.gradient)),
                input_gradient=stats_from(inputs[i], _dtype(layer.input_gradient)),
                flat=flats[i],
                slope=None if square is None else math.sqrt(square),
                growth=growths[i],
                calls=int(np.nanmax(calls[:, i])),
                times=int(np.nanmax(times[:, i])),
            )
        )
    return found


def _parameters(outline: list[ParameterSample], columns: Array) -> list[ParameterSample]:
    n = len(STATS)
    rates, carried, equal, before_norm, copies = (columns[..., 3 * n + i] for i in range(len(PARAMETER)))
    counts = columns[..., _COUNT]
    there = ~np.isnan(counts)
    several = np.where(np.nan_to_num(copies[0]) > 0, np.nan_to_num(copies[0]), np.maximum(there.sum(0), 1.0))
    weights, gradients, updates = (_reduced(columns[..., k * n : (k + 1) * n], several) for k in range(3))
    found = []
    for i, parameter in enumerate(outline):
        held = there[:, i] & (counts[:, i] > 0)
        lr = rates[:, i][~np.isnan(rates[:, i])]
        found.append(
            replace(
                parameter,
                weight=stats_from(weights[i], parameter.weight.dtype) or parameter.weight,
                gradient=stats_from(gradients[i], _dtype(parameter.gradient)),
                update=stats_from(updates[i], _dtype(parameter.update)),
                lr=float(lr[0]) if lr.size else None,
                carried=bool((carried[held, i] == 1).any()),
                before_norm=bool(held.any() and (before_norm[held, i] == 1).all()),
                equal_columns=_equal(equal[held, i], columns[held, i], parameter),
            )
        )
    return found


def _equal(equal: Array, columns: Array, parameter: ParameterSample) -> bool:
    """Whether all units of a layer are equal, where each process knows that of its own units.

    Who holds a single one cannot compare it: then units are equal where they have the same root mean square.
    """
    counts, norms = columns[:, _COUNT], columns[:, _NORM]
    one = math.prod(parameter.shape[1:])
    if not (equal == 1).any() or ((equal == 0) & (counts > one)).any():
        return False
    sizes = norms / np.sqrt(counts)
    return bool(sizes.max() - sizes.min() <= _SAME * sizes.max())


def _active(parts: Sequence[Part]) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """A unit is active where it was in any process."""
    found: dict[str, list[np.ndarray[Any, np.dtype[np.bool_]]]] = {}
    for part in parts:
        for layer, active in zip(part.outline.layers, part.numbers.active, strict=True):
            if active is not None:
                found.setdefault(layer.name, []).append(active)
    return {
        name: np.logical_or.reduce(masks) for name, masks in found.items() if len({mask.size for mask in masks}) == 1
    }


def _output(outputs: Sequence[OutputSample | None], left_out: Sequence[OutputSample | None]) -> OutputSample | None:
    """All together. A part that is of one class counts where not all are."""
    there = [output for output in outputs if output is not None]
    if not there:
        return None
    if any(o.predicted is not None for o in there):
        there += [o for own, o in zip(outputs, left_out, strict=True) if o and own and own.predicted is None]
    same = [o for o in there if o.classes == there[0].classes and o.predicted is not None and o.labels is not None]
    return replace(
        there[0],
        predicted=np.sum([o.predicted for o in same if o.predicted is not None], axis=0) if same else None,
        labels=np.sum([o.labels for o in same if o.labels is not None], axis=0) if same else None,
        probabilities=all(o.probabilities for o in there),
        broadcast=next((o.broadcast for o in there if o.broadcast), ""),
    )


def _value_clips(clips: Iterable[ValueClip]) -> list[ValueClip]:
    found: dict[tuple[object, ...], ValueClip] = {}
    for clip in clips:
        key = clip.call, clip.where, clip.layer
        before = found.get(key)
        found[key] = clip if before is None else replace(
            before,
            entries=before.entries + clip.entries,
            at_low=before.at_low + clip.at_low,
            at_high=before.at_high + clip.at_high,
        )  # fmt: skip
    return list(found.values())


def _gradient_clips(clips: Sequence[list[GradientClip]], sharded: bool) -> list[GradientClip]:
    """Under DDP each process clips the same gradients; under FSDP2 each knows the norm of its own part only."""
    if not sharded or len({len(own) for own in clips}) > 1:
        return clips[0]
    return [_of_parts(alike) for alike in zip(*clips, strict=True)]


def _of_parts(alike: tuple[GradientClip, ...]) -> GradientClip:
    first = alike[0]
    norms = [clip.norm for clip in alike if clip.norm is not None]
    total = math.hypot(*norms) if norms and first.norm is not None else None
    worst = [clip.worst_norm for clip in alike if clip.worst == first.worst and clip.worst_norm is not None]
    return replace(
        first,
        norm=total,
        factor=first.factor if total is None or not math.isfinite(total) else min(1.0, first.limit / (total + 1e-6)),
        worst_norm=math.hypot(*worst) if worst else None,
        entries=sum(clip.entries for clip in alike),
        clipped=sum(clip.clipped for clip in alike),
        zeroed=sum(clip.zeroed for clip in alike),
        bad=sum(clip.bad for clip in alike),
    )


def _ranks(
    numbers: Sequence[int],
    of: int,
    losses: tuple[float | None, ...],
    layers: list[LayerSample],
    rows: Array,
    parameters: list[ParameterSample],
    columns: Array,
) -> Ranks:
    n = len(STATS)
    with np.errstate(all="ignore"):
        sizes = rows[..., _NORM] / np.sqrt(rows[..., _COUNT])
    whole = [i for i in range(len(parameters)) if not np.nan_to_num(columns[:, i, -1]).any()]
    return Ranks(
        numbers=tuple(numbers),
        of=of,
        losses=losses,
        activations={layer.name: _given(sizes[:, i]) for i, layer in enumerate(layers)},
        weights={parameters[i].name: tuple(columns[:, i, _NORM].tolist()) for i in whole},
        updates={parameters[i].name: _given(columns[:, i, 2 * n + _NORM]) for i in whole},
    )


def _given(values: Array) -> tuple[float | None, ...]:
    return tuple(None if math.isnan(value) else value for value in values.tolist())


def _dtype(stats: Any) -> str:
    return stats.dtype if stats is not None else ""


def _shape(shape: tuple[int, ...], own: int, samples: int) -> tuple[int, ...]:
    """That of the whole batch, where the first dimension is the batch's."""
    return (samples, *shape[1:]) if shape and own and shape[0] == own else shape
