"""Wrong gradients on purpose: a right layer's backward with one gradient spoilt, in each of many ways."""

import functools
import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from layers.catalogue import Layer
from planted_in_layers import IN_LAYER
from planted_kinds import KINDS, Array, Arrays, Point, as_tuple, spoilt

from gradcheck.check import check_layer
from gradcheck.report import Report

# A change below this share of a gradient's norm is not promised to be found.
SMALLEST = 1e-6


class Plant(NamedTuple):
    """A layer with a wrong backward, and what is wrong with it."""

    layer: Layer
    kind: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    upstreams: Arrays
    changes: dict[str, float]  # by array: ‖wrong - right‖ / ‖right‖; infinite where the shape is wrong

    @property
    def is_skipped(self) -> bool:
        """Whether no gradient is changed enough to count."""
        return all(change <= SMALLEST for change in self.changes.values())


def draw_upstreams(layer: Layer, seed: int) -> Arrays:
    """Gaussian upstream gradients of the outputs' shapes and dtypes."""
    rng = np.random.default_rng([seed, 1])  # other numbers than the inputs'
    *outs, _ = layer.forward(*layer.inputs, **layer.options)
    return tuple(rng.standard_normal(np.shape(out)).astype(np.asarray(out).dtype) for out in outs)


def redrawn(layer: Layer, seed: int, dtype: str = "float64") -> Layer:
    """``layer`` at other floating-point inputs of the same size and spread, in ``dtype``."""
    rng = np.random.default_rng([seed, 0])

    def draw(x: Array) -> Array:
        return (rng.standard_normal(x.shape) * x.std() + x.mean()).astype(dtype) if x.dtype.kind == "f" else x

    return layer._replace(inputs=tuple(draw(x) for x in layer.inputs))


def names(layer: Layer) -> list[str]:
    """The names of the floating-point inputs."""
    parameters = inspect.signature(layer.forward).parameters
    return [name for name, x in zip(parameters, layer.inputs, strict=False) if x.dtype.kind == "f"]


def plant(layer: Layer, kind: str, index: int, upstreams: Arrays) -> Plant | None:
    """``layer`` with its gradient number ``index`` spoilt; None where this kind does not fit."""

    def forward(*inputs: Any, **options: Any) -> tuple[Any, ...]:
        *outs, cache = layer.forward(*inputs, **options)
        return *outs, (inputs, cache)

    def backward(*given: Any) -> tuple[Any, ...]:
        *ups, (inputs, cache) = given
        gradients = list(as_tuple(layer.backward(*ups, cache)))
        at = Point(layer, index, inputs, tuple(ups), tuple(gradients), cache)
        gradients[index] = spoilt(gradients[index], kind, at)
        return tuple(gradients)

    functools.update_wrapper(forward, layer.forward)
    functools.update_wrapper(backward, layer.backward)
    *_, cache = forward(*layer.inputs, **layer.options)
    if backward(*upstreams, cache)[index] is None:
        return None
    return measured(layer, f"{kind}, d{names(layer)[index]}", forward, backward, upstreams)


def plants_in_layer(layer: Layer, upstreams: Arrays) -> Iterator[Plant]:
    """``layer`` with each mistake that is made in this layer and no other."""
    for kind, backward in IN_LAYER.get(layer.name, {}).items():
        yield measured(layer, kind, layer.forward, backward, upstreams)


def plants(layer: Layer, upstreams: Arrays, first: int = 0) -> Iterator[Plant]:
    """Every kind once, each in another gradient than the one before, from ``first`` on; then the layer's own."""
    count = len(names(layer))
    for turn, kind in enumerate(KINDS, start=first):
        tried = [plant(layer, kind, (turn + k) % count, upstreams) for k in range(count)]
        made = [p for p in tried if p is not None]
        if made:
            yield next((p for p in made if not p.is_skipped), made[0])
    yield from plants_in_layer(layer, upstreams)


def measured(
    layer: Layer, kind: str, forward: Callable[..., Any], backward: Callable[..., Any], upstreams: Arrays
) -> Plant:
    """The plant that ``backward`` is, with how much it changes each gradient of ``layer``."""
    changes = {}
    state = np.random.get_state()
    np.random.seed(0)  # the same mask for both, and in each worker that collects the tests
    *_, cache = layer.forward(*layer.inputs, **layer.options)
    right = as_tuple(layer.backward(*upstreams, cache))
    np.random.seed(0)
    *_, cache = forward(*layer.inputs, **layer.options)
    wrong = as_tuple(backward(*upstreams, cache))
    np.random.set_state(state)
    for name, r, w in zip(names(layer), right, wrong, strict=True):
        if r.shape != w.shape:
            changes[name] = math.inf
            continue
        length = float(np.linalg.norm(r.astype(np.float64).ravel()))
        change = float(np.linalg.norm((w.astype(np.float64) - r).ravel()))
        changes[name] = change / length if length > 0 else (math.inf if change else 0.0)
    return Plant(layer, kind, forward, backward, upstreams, changes)


def check(layer: Layer, upstreams: Arrays, made: Plant | None = None, budget: int | None = None) -> Report:
    """The report on the layer, or on what was planted in it, at its inputs and these upstream gradients."""
    forward, backward = (layer.forward, layer.backward) if made is None else (made.forward, made.backward)
    upstream = upstreams if len(upstreams) > 1 else upstreams[0]
    asked = {"kwargs": layer.options, "upstream": upstream, "budget": budget}
    return check_layer(forward, backward, *layer.inputs, **asked, raises=False)


def misjudged(made: Plant, report: Report, smallest: float = SMALLEST) -> list[str]:
    """Where the report is not what was planted: a wrong gradient not called wrong, a right one not called right."""
    verdicts = {g.of: g for g in report.gradients if g.verdict != "not differentiated"}
    found = []
    if verdicts.keys() != made.changes.keys():
        found.append(f"gradients of {list(verdicts)} in place of {list(made.changes)}")
    for name, change in made.changes.items():
        result = verdicts.get(name)
        wanted = "wrong" if change > smallest else "right" if change == 0 else None
        if result is not None and wanted is not None and result.verdict != wanted:
            found.append(f"{result.name}, changed by {change:.1e}, is {result.verdict}: {result.reason}")
    if report.ok and any(change > smallest for change in made.changes.values()):
        found.append("the report is ok")
    return found
