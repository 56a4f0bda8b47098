"""A step of a NumPy network, from its operations to the sample that the rules read."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gradcheck.health.sample import ParameterSample, Sample
from gradcheck.watched import Spread
from gradcheck.watching.arrays.clips import gradient_clips, value_clips
from gradcheck.watching.arrays.events import Event, root
from gradcheck.watching.arrays.gradients import gradient_of, named_gradients, rate_of
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.layers import Layers
from gradcheck.watching.arrays.measure import measure
from gradcheck.watching.arrays.norm_clips import norm_clips
from gradcheck.watching.arrays.operands import is_elementwise, memory_of
from gradcheck.watching.arrays.output import Output
from gradcheck.watching.arrays.parameters import Parameter, Standing, is_gradient_path, parameters_of
from gradcheck.watching.arrays.passes import Linear, Passes, passes_of
from gradcheck.watching.arrays.spread import histograms
from gradcheck.watching.arrays.stats import stats_of
from gradcheck.watching.arrays.unapplied import unapplied_gradients
from gradcheck.watching.arrays.zero_rate import without_zero

__all__ = ["Recorder"]

Array = np.ndarray[Any, Any]


class Recorder:
    """Listens to one step.

    ``known`` are the parameters that earlier steps have seen, ``shown`` the layers and parameters whose histograms are
    taken.
    """

    def __init__(self, arrays: Mapping[str, Array], known: dict[str, None], shown: Collection[str] = ()) -> None:
        self.known, self._shown = known, shown
        self.standing = Standing(arrays, known)
        self._shapes = self.standing.shapes
        self._keys = set(self.standing.keys.values())
        self._untouched = set(self.standing.left)
        self._carried: set[int] = set()
        self.graph = Graph(self._look)
        self.output: Output | None = None

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        self.graph.add(event)

    def _look(self, node: Node) -> None:
        measure(node)
        if node.key in self._untouched:
            self._untouched.discard(node.key)
            if node.event.in_place and node.operation == "add" and _adds_to_more_than_zero(node):
                self._carried.add(node.key)
        # what may be a parameter's gradient is often written over: divided by the batch size, clipped, set to 0
        gradient = node.shape in self._shapes and node.key not in self._keys
        if gradient and len(node.shape) and (node.event.in_place or not is_elementwise(node)):
            self.graph.keep(node)
            if node.kept is not None and not is_elementwise(node):
                plain = without_zero(node)
                node.kept = node.kept if plain is None else plain

    def sample(self, step: int, now: Mapping[str, Array], *, first: bool, loss: float | None) -> Sample:
        """What the step was, now that it has ended; the new parameters are noted in ``known``."""
        parameters = parameters_of(self.graph, self.standing, now, self.known)
        self.known.update(dict.fromkeys(parameter.path for parameter in parameters))
        passes = passes_of(self.graph, parameters)
        layers = Layers(self.graph, passes, self._shown)
        self.output = Output.of(self.graph, passes)
        named = unapplied_gradients(self.graph, passes, parameters)
        named |= named_gradients([parameter.path for parameter in parameters], now)
        return Sample(
            step=step,
            loss=loss,
            samples=_batch(passes),
            first=first,
            layers=layers.samples,
            parameters=[self._parameter(p, passes, layers, named.get(p.path), first) for p in parameters],
            output=None if self.output is None else self.output.sample(loss),
            value_clips=value_clips(self.graph, passes, layers),
            gradient_clips=[*gradient_clips(self.graph, passes, parameters), *norm_clips(parameters)],
        )

    def _parameter(
        self, parameter: Parameter, passes: Passes, layers: Layers, named: Array | None, first: bool
    ) -> ParameterSample:
        linear = next((linear for linear in passes.linears if linear.weight is parameter), None)
        buffers = {key for path, key in self.standing.keys.items() if not is_gradient_path(path, self.standing.keys)}
        gradient, taken = gradient_of(parameter, self.graph, buffers)
        if gradient is None and named is not None and (named.any() or not parameter.moved):  # else it was reset
            gradient = taken = named
        with np.errstate(all="ignore"):
            update = parameter.after - parameter.before
        number = linear.number if linear else passes.layer.get(parameter.uses[0].index, 0) if parameter.uses else 0
        ways = _ways(linear)
        shown: dict[Spread, Array | None] = {"weight": parameter.before, "gradient": gradient}
        return ParameterSample(
            name=parameter.path,
            layer=layers.linear.get(number, ""),
            shape=parameter.before.shape,
            role=_role(parameter, linear),
            weight=stats_of(parameter.before, closely=first),
            gradient=None if gradient is None else stats_of(gradient, closely=first),
            update=stats_of(update, closely=first),
            fan_in=ways[0] if ways else None,
            fan_out=ways[1] if ways else None,
            lr=None if taken is None or parameter.final is None else _told_rate(update, taken),
            sparse=_role(parameter, linear) == "embedding",
            carried=named is not None and id(root(named)) in self._carried,
            equal_columns=first and linear is not None and _has_equal_units(linear),
            histograms=histograms(shown) if parameter.path in self._shown else (),
        )


def _adds_to_more_than_zero(node: Node) -> bool:
    """Whether ``dW += x.T @ d`` found something in dW."""
    added = [v for v in node.inputs if isinstance(v, np.ndarray) and v.shape == node.shape and memory_of(v) != node.key]
    return bool(added) and not np.array_equal(added[0], node.output)


def _told_rate(update: Array, taken: Array) -> float | None:
    """The learning rate, where the update shows it: of ``W -= (lr * h.T) @ d`` it is within what is taken."""
    rate = rate_of(update, taken)
    return None if rate is None or math.isclose(abs(rate), 1.0, rel_tol=1e-9) else rate


def _role(parameter: Parameter, linear: Linear | None) -> Any:
    if linear is not None:
        return "weight"
    if not parameter.uses:
        return "other"
    operation = parameter.uses[0].operation
    if operation in ("getitem", "take"):
        return "embedding"
    return {"add": "bias", "subtract": "bias", "multiply": "norm"}.get(operation, "other")


def _ways(linear: Linear | None) -> tuple[int, int] | None:
    """How many inputs a unit has, and how many units an input goes to."""
    if linear is None:
        return None
    weight = linear.weight.before
    axis = _unit_axis(linear)
    if axis is None:
        return None
    if weight.ndim <= 2:
        units = weight.shape[axis] if weight.ndim == 2 else 1
        return weight.size // max(units, 1), units
    positions = math.prod(weight.shape[2:]) if axis == 0 else math.prod(weight.shape[:-2])
    return weight.size // weight.shape[axis], weight.shape[axis] * positions


def _unit_axis(linear: Linear) -> int | None:
    """The axis of a weight along which its units lie."""
    node, weight = linear.applied[0], linear.weight.before
    position = linear.weight.at[node.index]
    taken = node.inputs[position]
    if weight.ndim == 1:
        return 0
    if weight.ndim == 2 and isinstance(taken, np.ndarray) and taken.ndim == 2 and node.operation in ("matmul", "dot"):
        axis = 1 if position == 1 else 0  # x @ W, W @ x
        return axis if taken.strides == linear.weight.strides else 1 - axis
    ends = linear.outputs[-1].shape
    if len(ends) == 4 and weight.ndim == 4:
        return 0 if ends[1] == weight.shape[0] else 3
    return 0 if weight.ndim > 2 else None


def _has_equal_units(linear: Linear) -> bool:
    axis = _unit_axis(linear)
    weight = linear.weight.before
    if axis is None or weight.ndim < 2 or weight.shape[axis] < 2:
        return False
    units = np.moveaxis(weight, axis, 0)
    return bool((units == units[:1]).all())


def _batch(passes: Passes) -> int:
    """How many samples went through the first layer: rows, or columns, or one for each time that it made a gradient."""
    if not passes.linears:
        return 0
    linear = passes.linears[0]
    axis = _unit_axis(linear)
    node = linear.outputs[-1]
    times = max(1, min(len(linear.outputs), len(linear.weight.raw)))
    if len(node.shape) < 2 or axis is None:
        return times
    units = linear.weight.before.shape[axis]
    in_columns = node.shape[0] == units != node.shape[1]
    return times * node.shape[1 if in_columns else 0]
