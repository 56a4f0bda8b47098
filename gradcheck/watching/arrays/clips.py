"""Calls that bound values in the forward of a NumPy network, and calls that bound its gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.health.sample import GradientClip, ValueClip
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.layers import Layers, text_of
from gradcheck.watching.arrays.measure import Facts
from gradcheck.watching.arrays.parameters import Parameter
from gradcheck.watching.arrays.passes import Passes

__all__ = ["gradient_clips", "value_clips"]

Array = np.ndarray[Any, Any]


def value_clips(graph: Graph, passes: Passes, layers: Layers) -> list[ValueClip]:
    """The bounds in the forward, one entry for each call; ReLU's own 0 is none, a floor above 0 is one."""
    found = []
    for node in graph.nodes:
        bounds = node.facts.bounds if isinstance(node.facts, Facts) else None
        if bounds is None or node.index not in passes.forward:
            continue
        found.append(
            ValueClip(
                call=text_of(node),
                where=node.event.site.where,
                entries=bounds.entries,
                at_low=bounds.at_low,
                at_high=bounds.at_high,
                low=bounds.low,
                high=bounds.high,
                layer=layers.named.get(node.index) or layers.linear.get(passes.layer.get(node.index, 0), ""),
                same_mask=_same_mask(graph, passes, bounds.clipped),
            )
        )
    return found


def _same_mask(graph: Graph, passes: Passes, clipped: Array) -> bool | None:
    """Whether a gradient of this shape is 0 where the forward clipped; None where none was clipped or none is seen."""
    if not clipped.any() or clipped.all():
        return None
    seen = False
    for index in sorted(passes.backward):
        other = graph.nodes[index]
        if other.shape not in (clipped.shape, clipped.shape[::-1]) or other.operation in ("greater", "less"):
            continue
        value = graph.value(other)
        if value is None or value.dtype.kind != "f":
            continue
        value = value if value.shape == clipped.shape else value.T
        zero = value == 0
        if zero[clipped].all() and not zero.all():
            return True
        seen = True
    return False if seen else None


def gradient_clips(graph: Graph, passes: Passes, parameters: Sequence[Parameter]) -> list[GradientClip]:
    """The bounds on gradients, those of one line together."""
    of_updates = {node.index for p in parameters for node in p.chain.values()}
    lines: dict[object, list[Node]] = {}
    for node in graph.nodes:
        bounds = node.facts.bounds if isinstance(node.facts, Facts) else None
        if bounds is None or node.index in passes.forward or node.kind != "clip":
            continue
        if (node.index in passes.backward and _is_gradient(passes, node)) or node.index in of_updates:
            lines.setdefault(node.statement, []).append(node)
    found = []
    for nodes in lines.values():
        all_bounds = [node.facts.bounds for node in nodes]
        limits = [abs(value) for b in all_bounds for value in (b.low, b.high) if value is not None]
        found.append(
            GradientClip(
                call=text_of(nodes[0]),
                where=nodes[0].event.site.where,
                limit=max(limits),
                entries=sum(b.entries for b in all_bounds),
                clipped=sum(b.at_low + b.at_high for b in all_bounds),
            )
        )
    return found


def _is_gradient(passes: Passes, node: Node) -> bool:
    """Made of something that is the backward's: np.clip(z, -500, 500) inside of a derivative is made of a cache."""
    return any(parent.index not in passes.forward for parent in node.parents)
