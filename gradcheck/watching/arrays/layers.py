"""The layers of a NumPy network in one step: their activations and the gradients that came back to them."""

from __future__ import annotations

import linecache
import math
import re
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from gradcheck.health.sample import Kind, LayerSample, Stats
from gradcheck.watched import Histogram
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.measure import Facts
from gradcheck.watching.arrays.operands import made_by, operand
from gradcheck.watching.arrays.passes import Linear, Passes
from gradcheck.watching.arrays.spread import histograms
from gradcheck.watching.arrays.stats import merged, stats_of
from gradcheck.watching.arrays.zero_rate import is_zeroed

__all__ = ["Layers", "text_of"]

Array = np.ndarray[Any, Any]

_CALLED = re.compile(r"relu|sigm|logist|tanh|softmax|activ|clip|squash|nonlin", re.IGNORECASE)
_LONGEST = 40
# A logistic written as 1 / (1 + np.exp(-x)) ends in a division; the operand of these is the activation's own input.
_OF_THEIR_INPUT = ("maximum", "fmax", "minimum", "fmin", "clip", "tanh")


class Layers:
    """The layers of a step, made from its operations.

    ``samples`` are in the order of the forward; ``named`` gives the layer that an operation belongs to, ``linear``
    the name of the linear layer with a number. Those ``shown`` are sampled with their histograms.
    """

    def __init__(self, graph: Graph, passes: Passes, shown: Collection[str] = ()) -> None:
        self._graph, self._passes, self._shown = graph, passes, shown
        self.named: dict[int, str] = {}
        self.linear: dict[int, str] = {}
        self._deltas: dict[int, list[Node]] = {linear.number: self._deltas_of(linear) for linear in passes.linears}
        found: list[tuple[int, LayerSample]] = []
        for linear in passes.linears:
            sample = self._linear(linear)
            self.linear[linear.number] = sample.name
            found.append((linear.applied[0].index, sample))
        groups: dict[tuple[object, ...], list[Node]] = {}
        for node in passes.activations:
            site = node.event.site
            key = (*node.place, site.path[:1], passes.layer.get(node.index, 0))
            groups.setdefault(key, []).append(node)
        last = {passes.layer.get(calls[0].index, 0): calls[-1].index for calls in groups.values()}
        first: dict[int, int] = {}
        for calls in groups.values():
            first.setdefault(passes.layer.get(calls[0].index, 0), calls[-1].index)
        for calls in groups.values():
            number = passes.layer.get(calls[0].index, 0)
            at = calls[-1].index
            found.append((calls[0].index, self._activation(calls, number, at == first[number], at == last[number])))
        self.samples = [sample for _, sample in sorted(found, key=lambda pair: pair[0])]

    def _linear(self, linear: Linear) -> LayerSample:
        node = linear.outputs[-1]
        parts = [self._measured(output, linear.applied) for output in linear.outputs]
        image = linear.weight.before.ndim > 2 and len(node.shape) > 2
        sample = LayerSample(
            name=self._unique(linear.weight.path),
            kind="conv" if image else "linear",
            shape=node.shape,
            activation=merged([part for part in parts if part is not None]),
            gradient=self._together(self._deltas[linear.number]),
            input_gradient=self._together(self._back_of(linear)),
            where=linear.applied[0].event.site.where,
        )
        sample.histograms = self._histograms(sample.name, node, self._deltas[linear.number])
        for use in (*linear.applied, *linear.outputs):
            self.named[use.index] = sample.name
        return sample

    def _activation(self, calls: Sequence[Node], number: int, first: bool, last: bool) -> LayerSample:
        node = calls[-1]
        facts = [call.facts for call in calls if isinstance(call.facts, Facts) and call.facts.passes is not None]
        entries = sum(fact.entries for fact in facts)
        deltas = self._deltas.get(number, [])
        kind: Kind = node.kind  # type: ignore[assignment]  # the kinds that kind_of gives are among them
        name = self._unique(_name_of(node, number))
        for call in calls:
            self.named[call.index] = name
        above = self._above(deltas, node) if last else []
        return LayerSample(
            name=name,
            kind=kind,
            shape=node.shape,
            activation=merged([call.measured for call in calls if call.measured is not None]),
            gradient=self._together(above),
            input_gradient=self._together(deltas) if first else None,
            flat=sum(fact.flat for fact in facts) / entries if entries else None,
            slope=math.sqrt(sum(fact.square for fact in facts) / entries) if entries else None,
            active=_active(facts, self._units(node, number)),
            where=node.event.site.where,
            before_loss=node.index in self._passes.tail,
            gate=self._is_gate(node),
            passes=_passes(node),
            histograms=self._histograms(name, node, above),
        )

    def _histograms(self, name: str, node: Node, gradients: Sequence[Node]) -> tuple[Histogram, ...]:
        """Of the last call, and of the gradient that came to it, as far as nothing was written over them."""
        if name not in self._shown:
            return ()
        coming = next((value for n in gradients if (value := self._graph.value(n)) is not None), None)
        taken = operand(node)
        maker = made_by(node, taken) if node.operation in _OF_THEIR_INPUT else None
        given = self._graph.value(maker) if maker is not None else None
        return histograms({"input": given, "output": self._graph.value(node), "gradient": coming})

    def _deltas_of(self, linear: Linear) -> list[Node]:
        """The gradients with respect to a linear layer's output: what, in its shape, is nearest to the weight's."""
        shapes = {shape for output in linear.outputs for shape in (output.shape, output.shape[::-1])}
        found: dict[int, Node] = {}
        for raw in linear.weight.raw:
            node = self._nearest(raw, shapes)
            if node is not None:
                found[node.index] = node
        return list(found.values())

    def _above(self, deltas: Sequence[Node], node: Node) -> list[Node]:
        """The gradients with respect to an activation's output: what became a delta when multiplied by f'."""
        coming = {use.index for linear in self._passes.linears for use in linear.back}
        found: dict[int, Node] = {}
        for delta in deltas:
            for parent in delta.parents:
                if parent.shape not in (node.shape, node.shape[::-1]) or parent.index in self._passes.forward:
                    continue
                within = self._graph.ancestors([parent], lambda n: n.index not in self._passes.forward)
                if any(n.index in coming for n in within):
                    found[parent.index] = parent
        return list(found.values())

    def _back_of(self, linear: Linear) -> list[Node]:
        """The gradients with respect to a linear layer's input."""
        deltas = {node.index for node in self._deltas[linear.number]}
        return [
            node
            for node in linear.back
            if any(
                n.index in deltas for n in self._graph.ancestors([node], lambda n: n.index not in self._passes.forward)
            )
        ]

    def _nearest(self, raw: Node, shapes: set[tuple[int, ...]]) -> Node | None:
        above = self._graph.ancestors(raw.parents, lambda n: n.index not in self._passes.forward)
        return next((n for n in above if n.shape in shapes and not is_zeroed(n, raw)), None)

    def _units(self, node: Node, number: int) -> int:
        """The axis of the units in an activation: where the weight's result has them."""
        linear = next((linear for linear in self._passes.linears if linear.number == number), None)
        if linear is None or len(node.shape) < 2:
            return -1
        weight = linear.weight.before
        if len(node.shape) == 4 and node.shape[1] in (weight.shape[0], weight.shape[-1]):
            return 1
        call = linear.applied[0]
        from_the_left = call.operation in ("matmul", "dot") and linear.weight.at[call.index] == 0
        return 0 if from_the_left and len(node.shape) == 2 else -1

    def _is_gate(self, node: Node) -> bool:
        """A logistic or tanh whose result multiplies another activation, as in an LSTM."""
        if node.kind not in ("logistic", "tanh"):
            return False
        layer = self._passes.layer
        return any(
            child.operation == "multiply"
            and parent is not node
            and layer.get(parent.index)
            and (child.index in self._passes.forward or parent.kind in ("tanh", "logistic", "softmax"))
            for child in node.children
            for parent in child.parents
        )

    def _measured(self, node: Node, applied: Sequence[Node]) -> Stats | None:
        if node.measured is not None:
            return node.measured
        value = self._graph.value(node)
        if value is not None:
            return stats_of(value)
        return merged([call.measured for call in applied if call.measured is not None])

    def _together(self, nodes: Sequence[Node]) -> Stats | None:
        values = [(node, self._graph.value(node)) for node in nodes]
        parts = [stats_of(value) if value is not None else node.measured for node, value in values]
        return merged([part for part in parts if part is not None])

    def _unique(self, name: str) -> str:
        taken = {*self.named.values(), *self.linear.values()}
        if name not in taken:
            return name
        return next(f"{name}, {n}" for n in range(2, len(taken) + 3) if f"{name}, {n}" not in taken)


def text_of(node: Node) -> str:
    """The operation's own source text."""
    first, last, left, right = node.event.site.positions
    if first is None or left is None or right is None or last != first:
        return node.event.site.where.source
    return linecache.getline(node.event.site.file, first).encode()[left:right].decode(errors="replace").strip()


def _name_of(node: Node, number: int) -> str:
    """The name of the function that is the activation, with its layer's number, or else the operation as written."""
    function = node.event.site.function.replace("<locals>.", "")
    if node.kind != "clip" and _CALLED.search(function.rpartition(".")[2]):
        return f"{function} {number}"
    text = text_of(node)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _passes(node: Node) -> str:
    """To how many positions a max-pool gives gradient."""
    taken = operand(node)
    if node.kind != "pool" or taken is None:
        return ""
    return f"1 of {taken.size // max(np.size(node.output), 1)} positions"


def _active(facts: Sequence[Facts], axis: int) -> Array | None:
    found: Array | None = None
    for fact in facts:
        if fact.passes is None or not fact.passes.ndim:
            return None
        over = tuple(i for i in range(fact.passes.ndim) if i != axis % fact.passes.ndim)
        units = np.asarray(fact.passes.any(axis=over))
        if found is not None and found.shape != units.shape:
            return None
        found = units if found is None else found | units
    return found
