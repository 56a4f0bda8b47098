"""The gradient of a parameter that no update took: the backward computes it, and the weights stay as they are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from gradcheck.layers.spelling import match_names
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.kinds import CONTRACTIONS
from gradcheck.watching.arrays.operands import memory_of
from gradcheck.watching.arrays.parameters import Parameter, last_word
from gradcheck.watching.arrays.passes import Passes
from gradcheck.watching.arrays.words import source_of

__all__ = ["unapplied_gradients"]

Array = np.ndarray[Any, Any]


def unapplied_gradients(graph: Graph, passes: Passes, parameters: Sequence[Parameter]) -> dict[str, Array]:
    """By parameter, of those that no operation of the step wrote to and that stayed as they were.

    A gradient is known by what the source calls it (``gW = ``, ``grads["W"] = ``); that of a weight in x @ W also by
    being made of x and having the weight's shape: ∂L/∂W is a product of x and ∂L/∂(xW).
    """
    standing = [p for p in parameters if p.final is None and not p.moved and p.uses]
    if not standing:
        return {}
    taken = {node.index for p in parameters for node in (*p.raw, *p.chain.values())}
    free = [n for n in graph.nodes if n.index not in passes.forward and n.index not in taken and not n.event.in_place]
    by_name = _called(standing, parameters, free)
    found = {}
    for parameter in standing:
        made = by_name.get(parameter.path) or _made_of_its_input(parameter, free)
        value = None if made is None else graph.value(made)
        if value is not None and value.dtype.kind == "f":
            found[parameter.path] = value if value.shape == parameter.before.shape else value.T
    return found


def _called(standing: Sequence[Parameter], parameters: Sequence[Parameter], free: Sequence[Node]) -> dict[str, Node]:
    """Operations whose result the source calls the gradient of one of the parameters that stand."""
    shapes = {p.before.shape for p in standing}
    targets: dict[str, Node] = {}
    for node in free:
        if node.shape in shapes:
            target = source_of(node.event.site).target
            if target and not target.endswith("="):
                targets[last_word(target)] = node  # the last one: divided, clipped
    words = {p.path: last_word(p.path) for p in parameters}
    if len(set(words.values())) < len(words):
        return {}  # layers[0].W, layers[1].W: a local dW may be of either
    pairs = match_names(list(words.values()), list(targets), plain=False)
    fitting = {p.path: targets[pairs[words[p.path]]] for p in standing if words[p.path] in pairs}
    return {p.path: fitting[p.path] for p in standing if p.path in fitting and _fits(fitting[p.path], p)}


def _fits(node: Node, parameter: Parameter) -> bool:
    return node.shape in (parameter.before.shape, parameter.before.shape[::-1])


def _made_of_its_input(parameter: Parameter, free: Collection[Node]) -> Node | None:
    use = parameter.uses[0]
    if use.operation not in CONTRACTIONS:
        return None
    position = parameter.at[use.index]
    others = {memory_of(v) for i, v in enumerate(use.inputs) if i != position and isinstance(v, np.ndarray) and v.ndim}
    for node in free:
        fits = node.index > use.index and node.operation in CONTRACTIONS and _fits(node, parameter)
        if fits and any(isinstance(v, np.ndarray) and memory_of(v) in others for v in node.inputs):
            return node
    return None
