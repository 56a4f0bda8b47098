"""Forward and backward of one step told apart, by what came from what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.kinds import CONTRACTIONS
from gradcheck.watching.arrays.parameters import Parameter

__all__ = ["Linear", "Passes", "passes_of"]

_ACTIVATIONS = ("relu", "logistic", "tanh", "softmax", "clip", "activation", "pool")
_DERIVATIVE = re.compile(r"prime|deriv|_grad$|^grad_|_d$|(^|_)d_?(relu|sig\w*|tanh|softmax|act\w*|logistic|f)$")


@dataclass(slots=True, eq=False)
class Linear:
    """A weight, the operations of the forward that apply it, what they end in, and those that take deltas back."""

    number: int
    weight: Parameter
    applied: list[Node]
    outputs: list[Node]
    back: list[Node] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Passes:
    """``forward``: the operations up to the output's activation; ``layer``: the number of the last weight before."""

    linears: list[Linear]
    forward: set[int]
    activations: list[Node]
    tail: set[int]
    backward: set[int]
    layer: dict[int, int]


def passes_of(graph: Graph, parameters: Sequence[Parameter]) -> Passes:
    """What a step did, in parts. A forward that runs twice (for the loss, then for the gradients) is one.

    The first use of a parameter is the forward's, and so is every other by the same instruction in the same
    orientation: a backward takes the weights the other way round, or elsewhere.
    """
    uses: dict[str, list[Node]] = {}
    back: dict[str, list[Node]] = {}
    for parameter in parameters:
        for node in parameter.uses:
            same = _manner(node, parameter) == _manner(parameter.uses[0], parameter)
            (uses if same else back).setdefault(parameter.path, []).append(node)
    written = {node.index for parameter in parameters for node in parameter.chain.values()}
    forward = {
        node.index
        for node in graph.ancestors(
            [node for nodes in uses.values() for node in nodes], lambda node: node.index not in written
        )
    }
    biases = {node.index for p in parameters for node in uses.get(p.path, ()) if node.operation in ("add", "subtract")}
    linears: list[Linear] = []
    for parameter in parameters:
        applied = uses.get(parameter.path, [])
        if not applied or not _is_linear(applied[0]):
            continue
        outputs = {end.index: end for node in applied for end in [_end(node, biases)]}
        forward |= set(outputs)
        linears.append(
            Linear(len(linears) + 1, parameter, applied, list(outputs.values()), back.get(parameter.path, []))
        )
    layer = _layers(graph, linears, written)
    backward = {
        node.index
        for node in graph.ancestors([raw for p in parameters for raw in p.raw], lambda node: node.index not in forward)
    }
    first_back = min((n.index for nodes in back.values() for n in nodes), default=len(graph.nodes))
    first_raw = min((raw.index for p in parameters for raw in p.raw if raw.index not in forward), default=first_back)
    inside, tail = [], []
    for node in graph.nodes:
        if node.kind not in _ACTIVATIONS:
            continue
        if node.index in forward:
            inside.append(node)
        elif (
            node.index < min(first_back, first_raw)
            and _is_new(node, layer, len(linears), graph, forward)
            and not _is_derivative(node)
            and not _meets_labels(graph, node, forward)
        ):
            tail.append(node)
    within = {node.index for node in graph.ancestors(tail, lambda node: node.index not in forward)}
    return Passes(linears, forward | within, inside + tail, {node.index for node in tail}, backward - within, layer)


def _manner(node: Node, parameter: Parameter) -> tuple[object, ...]:
    """How an operation takes a weight: which instruction, at which position, in which orientation."""
    position = parameter.at[node.index]
    taken = node.inputs[position]
    return (*node.place, node.operation, position, getattr(taken, "shape", None), getattr(taken, "strides", None))


def _is_linear(node: Node) -> bool:
    if node.operation in CONTRACTIONS:
        return True
    reduced = any(child.operation in ("sum", "reduce") for child in node.children)
    return node.operation == "multiply" and reduced


def _end(node: Node, biases: set[int]) -> Node:
    """Where a linear map's result is complete: summed up over a loop's rounds, the bias added."""
    while True:
        onward = [
            child
            for child in node.children
            if (child.index in biases and node.index not in biases)
            or (child.event.in_place and child.operation in ("add", "setitem") and child.key != node.key)
            or (child.event.in_place and child.key == node.key and child.operation == "add")
            or (node.operation == "multiply" and child.operation in ("sum", "reduce"))
        ]
        if not onward:
            return node
        node = onward[0]


def _layers(graph: Graph, linears: Sequence[Linear], written: set[int]) -> dict[int, int]:
    """For every operation the number of the last weight on the way to it."""
    own = {node.index: linear.number for linear in linears for node in linear.applied}
    layer: dict[int, int] = {}
    for node in graph.nodes:
        if node.index in written:
            continue
        number = max((layer.get(parent.index, 0) for parent in node.parents), default=0)
        layer[node.index] = max(number, own.get(node.index, 0))
    return layer


def _is_new(node: Node, layer: dict[int, int], last: int, graph: Graph, forward: set[int]) -> bool:
    """Whether its layer is the last, or has no such activation yet: a second one is made to derive the first."""
    number = layer.get(node.index, 0)
    if number in (0, last):
        return number == last > 0
    return not any(graph.nodes[i].kind == node.kind and layer.get(i) == number for i in forward)


def _meets_labels(graph: Graph, node: Node, forward: set[int]) -> bool:
    """Whether more than the network's result went into it: an array from outside, or entries that were written."""
    return any(
        (made is not node and made.operation == "setitem")
        or any(np.ndim(made.inputs[position]) > 0 for position, _ in made.reads)
        for made in graph.ancestors([node], lambda n: n.index not in forward)
    )


def _is_derivative(node: Node) -> bool:
    """By the names of its function and of that which called it: sigmoid_prime, d_relu."""
    site = node.event.site
    names = [site.code.co_name, *(code.co_name for code, _ in site.path[:1])]
    return any(_DERIVATIVE.search(name) for name in names)
