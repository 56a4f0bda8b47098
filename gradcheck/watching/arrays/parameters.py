"""Which arrays of a NumPy network are its parameters: what a forward reads and a step changes, with its gradient."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.layers.spelling import gradient_bases, is_buffer_name, is_data_name, looks_like_parameter
from gradcheck.watching.arrays.events import root
from gradcheck.watching.arrays.graph import Graph, Node
from gradcheck.watching.arrays.kinds import COMPARISONS, CONTRACTIONS
from gradcheck.watching.arrays.operands import is_elementwise

__all__ = ["Parameter", "Standing", "is_gradient_path", "last_word", "parameters_of"]

Array = np.ndarray[Any, Any]

_WORD = re.compile(r"[A-Za-zα-ω_]\w*")
_HOLDERS = ("grads", "grad", "gradients", "gradient", "deltas", "nabla", "dparams")
_OF_UPDATES = ("", "linear", "clip")
_HUGE = 2**24  # entries; an array of this size that is not called like a parameter is data, and is not copied


@dataclass(slots=True, eq=False)
class Parameter:
    """A parameter in one step.

    ``uses`` are the operations that read it before it moved, ``at`` tells as which operand, ``final`` is the one that
    moved it; ``chain`` holds the update's operations, entry by entry, and ``raw`` those that the gradient came from.
    """

    path: str
    before: Array
    after: Array
    strides: tuple[int, ...]
    uses: list[Node] = field(default_factory=list)
    at: dict[int, int] = field(default_factory=dict)
    final: Node | None = None
    chain: dict[int, Node] = field(default_factory=dict)
    raw: list[Node] = field(default_factory=list)

    @property
    def moved(self) -> bool:
        """Whether the step changed it."""
        return not np.array_equal(self.before, self.after, equal_nan=True)


class Standing:
    """The arrays that stand in the network when a step begins, with copies of what may be a parameter."""

    def __init__(self, arrays: Mapping[str, Array], known: Collection[str]) -> None:
        self.keys: dict[str, int] = {}
        self.copies: dict[str, Array] = {}
        self.alive = dict(arrays)
        self.left = {id(root(array)) for path, array in arrays.items() if is_gradient_path(path, arrays)}
        """The memory of gradients that are kept: what the last step has left in them is there still."""
        seen: set[tuple[int, int, tuple[int, ...]]] = set()
        for path, array in arrays.items():
            # an array in two places is one parameter
            same = (array.__array_interface__["data"][0], array.nbytes, array.strides)
            if array.dtype.kind != "f" or not array.size or (same in seen and path not in known):
                continue
            word = last_word(path)
            if known and path not in known and not looks_like_parameter(word):
                continue
            if path not in known and (is_data_name(word) or array.size > _HUGE) and not looks_like_parameter(word):
                continue
            seen.add(same)
            self.keys[path] = id(root(array))
            self.copies[path] = np.array(array)

    @property
    def shapes(self) -> set[tuple[int, ...]]:
        """The shapes that a gradient may have."""
        return {shape for copy in self.copies.values() for shape in (copy.shape, copy.shape[::-1])}


def last_word(path: str) -> str:
    """The last name in a path: ``layers[0].W`` and ``params['W']`` end in W, ``layers[0][1]`` in layers."""
    words = _WORD.findall(path)
    return words[-1] if words else path


def is_gradient_path(path: str, paths: Collection[str]) -> bool:
    """Whether this place is, by its name, where the gradient of another is kept."""
    words = _WORD.findall(path)
    if any(word.strip("_").lower() in _HOLDERS for word in words):
        return True
    if not words or words[-1] not in path.rpartition(".")[2]:
        return False
    start = path.rfind(words[-1])
    return any(path[:start] + base + path[start + len(words[-1]) :] in paths for base in gradient_bases(words[-1]))


def parameters_of(
    graph: Graph, standing: Standing, now: Mapping[str, Array], known: Collection[str]
) -> list[Parameter]:
    """The parameters among what stood in the network, in the order in which the forward uses them.

    A parameter is read by the forward, together with other arrays, before the step writes to it, and what the step
    writes is made from what it was. A cache is written before it is read; a momentum is only read where it is
    written; a running mean only goes into itself.
    """
    candidates = []
    for path, before in standing.copies.items():
        after = now.get(path)
        if after is None or after.shape != before.shape or is_gradient_path(path, standing.keys):
            continue
        strides = standing.alive[path].strides
        candidates.append(Parameter(path, before, after, strides, final=graph.writer(after)))
    for candidate in candidates:
        if candidate.final is not None:
            _follow_update(candidate)
    updating = {index for candidate in candidates for index in candidate.chain}
    readers: dict[int, list[tuple[int, Node]]] = {}
    for node in graph.nodes:
        for position, key in node.reads:
            readers.setdefault(key, []).append((position, node))
    for candidate in candidates:
        held = standing.alive[candidate.path]
        for position, node in readers.get(standing.keys[candidate.path], ()):
            if node.index not in updating and _is_use(node, position, held):
                candidate.uses.append(node)
                candidate.at[node.index] = position
    found = [c for c in candidates if c.path in known or (c.uses and _is_parameter(c, standing))]
    return sorted(found, key=lambda p: p.uses[0].index if p.uses else len(graph.nodes))


def _is_parameter(candidate: Parameter, standing: Standing) -> bool:
    word = last_word(candidate.path)
    if not candidate.moved:
        return looks_like_parameter(word) and not is_buffer_name(word)
    derived = any(key == standing.keys[candidate.path] for node in candidate.chain.values() for _, key in node.reads)
    return derived or looks_like_parameter(word)


def _is_use(node: Node, position: int, held: Array) -> bool:
    """Whether this takes the array into a computation with others; a norm, a decay, a momentum's step do not."""
    value = node.inputs[position]
    if isinstance(value, np.ndarray) and not np.may_share_memory(value, held):
        return False  # another part of one flat vector
    if node.operation in CONTRACTIONS or node.operation in ("getitem", "take", "concatenate", "vstack", "hstack"):
        return True
    if node.event.in_place and position == 0:
        return False
    others = [v for i, v in enumerate(node.inputs) if i != position and isinstance(v, np.ndarray) and v.ndim]
    return any(root(v) is not root(held) for v in others)


def _follow_update(parameter: Parameter) -> None:
    """Walk back from the write, as long as entries stay where they are: what is met at the end made the gradient."""
    shapes = (parameter.before.shape, parameter.before.shape[::-1])
    assert parameter.final is not None
    queue, seen = [parameter.final], {parameter.final.index}
    while queue:
        node = queue.pop()
        if node.shape not in shapes and node is not parameter.final:
            continue
        if node is not parameter.final and (node.kind not in _OF_UPDATES or node.operation in COMPARISONS):
            continue  # where the samples are columns, a bias has the shape of activations and masks
        onward = any(parent.shape in shapes and parent.kind in _OF_UPDATES for parent in node.parents)
        if node is parameter.final or (is_elementwise(node) and (onward or not node.parents)):
            parameter.chain[node.index] = node
            new = [parent for parent in node.parents if parent.index not in seen]
            seen.update(parent.index for parent in new)
            queue += new
        else:
            parameter.raw.append(node)
    parameter.raw.sort(key=lambda node: node.index)
