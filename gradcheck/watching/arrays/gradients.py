"""The gradient that a step moved a parameter by, found among the operations of its update."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from gradcheck.layers.pairing import match_paths
from gradcheck.layers.reach import Path, Step
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.norm_clips import scaled_by
from gradcheck.watching.arrays.operands import number
from gradcheck.watching.arrays.parameters import Parameter

__all__ = ["gradient_of", "named_gradients", "rate_of"]

Array = np.ndarray[Any, Any]

_LARGE = 2**15  # entries, of which the rate need not be told to more digits than they have

_STEPS = re.compile(r"(?:^|\.)(\w+)|\[(\d+)\]|\['?(.*?)'?\]")


def gradient_of(parameter: Parameter, graph: Graph, buffers: Collection[int]) -> tuple[Array | None, Array | None]:
    """The gradient before clipping and what the update took of it, in the parameter's shape; None: it cannot be told.

    The update ``W -= lr * dW`` is one statement: what enters it, and is made of nothing but the backward's results, is
    the gradient. Where a statement before mixes it with a momentum or the weights, it is what enters that statement.

    Args:
        parameter: what moved.
        graph: the step.
        buffers: the memory of arrays that stood there before the step and are no gradients.
    """
    if parameter.final is None or not parameter.raw:
        return None, None
    pure = _pure(parameter, buffers)
    among = {node.index for node in pure}
    mixed = {node.statement for node in parameter.chain.values() if node.index not in among}
    outside = [node for node in pure if node.statement not in mixed | {parameter.final.statement}]
    for node in sorted(outside, key=lambda n: -n.index) or parameter.raw[-1:]:
        shape = parameter.before.shape
        before = _in_shape(graph.value(_before_clipping(node, pure)), shape)
        if before is not None:
            return before, _in_shape(graph.value(node), shape)
    return None, None


def named_gradients(parameters: Collection[str], now: Mapping[str, Array]) -> dict[str, Array]:
    """The gradients kept beside parameters, by their names: layers[0].dW, grads['W1']."""
    paths = {text: _path(text) for text in now}
    wanted = [paths[text] for text in parameters if text in paths]
    texts = {path: text for text, path in paths.items()}
    offered = [path for text, path in paths.items() if text not in parameters]
    found = {texts[path]: now[texts[held]] for path, held in match_paths(wanted, offered).items()}
    return {text: array for text, array in found.items() if array.shape == now[text].shape}


def _path(text: str) -> Path:
    """``layers[0].params['W']`` as its steps."""
    steps: list[tuple[Step, Any]] = []
    for name, index, key in _STEPS.findall(text):
        steps.append(("attribute", name) if name else ("item", int(index) if index else key))
    return Path(None, tuple(steps))


def rate_of(update: Array, gradient: Array) -> float | None:
    """The effective learning rate, -⟨Δw, g⟩ / ⟨g, g⟩; None where the gradient is 0 or not finite."""
    with np.errstate(all="ignore"):
        rate = _quotient(update, gradient) if gradient.size > _LARGE else math.nan
        if not math.isfinite(rate):  # a square may have left the type
            rate = _quotient(update.astype(np.float64), gradient.astype(np.float64))
    return rate if math.isfinite(rate) else None


def _quotient(update: Array, gradient: Array) -> float:
    g = gradient.reshape(-1)
    square = float(g @ g)
    return -float(update.reshape(-1) @ g) / square if square > 0 else math.nan


def _pure(parameter: Parameter, buffers: Collection[int]) -> list[Node]:
    """The update's operations on the backward's results alone, these results among them, in the order of the step."""
    raw = {node.index for node in parameter.raw}
    pure: dict[int, Node] = {}
    for node in sorted([*parameter.raw, *parameter.chain.values()], key=lambda n: n.index):
        if node.index in raw:
            pure[node.index] = node
            continue
        made = [parent for parent in node.parents if parent.index in parameter.chain or parent.index in raw]
        held = any(key in buffers for _, key in node.reads)
        if made and not held and all(parent.index in pure for parent in made) and not _takes_up(node):
            pure[node.index] = node
    return list(pure.values())


def _takes_up(node: Node) -> bool:
    """``mu * v``: a scaled array from before the step is a momentum, wherever it is kept."""
    others = [value for value in node.inputs if isinstance(value, np.ndarray) and value.ndim]
    return node.operation in ("multiply", "divide") and len(others) == 1 and bool(node.reads) and not node.parents


def _before_clipping(node: Node, pure: list[Node]) -> Node:
    among = {n.index for n in pure}
    at = node
    while True:
        above = [parent for parent in at.parents if parent.index in among]
        if above and (at.operation == "clip" or scaled_by(at) is not None):
            return above[-1]
        scaled = len([v for v in at.inputs if number(v) is None]) == 1
        if len(above) != 1 or not scaled:
            return node
        at = above[0]


def _in_shape(value: Array | None, shape: tuple[int, ...]) -> Array | None:
    if value is None or value.shape == shape:
        return value
    return value.T if value.shape[::-1] == shape else None
