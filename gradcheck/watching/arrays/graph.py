"""What one training step computed, operation by operation, and which result came from which."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from gradcheck.health.sample import Stats
from gradcheck.watching.arrays.events import Event, root

__all__ = ["Graph", "Node"]

Array = np.ndarray[Any, Any]

_MOST = 20_000  # operations of a step that are kept; a convolution written as loops over pixels makes more
_COPIED = 2**28  # bytes of results that are copied because a later operation may write over them


@dataclass(slots=True, eq=False)
class Node:
    """One operation. ``parents`` made its inputs in this step; ``reads`` are the inputs that were there before it.

    ``measured`` is the result's statistics, where they were taken at once; ``kept`` a copy of the result; ``facts``
    what else was learned of it at once.
    """

    index: int
    event: Event
    parents: tuple[Node, ...]
    reads: tuple[tuple[int, int], ...]  # (position among the inputs, key of the memory)
    key: int
    output: Any
    children: list[Node] = field(default_factory=list)
    measured: Stats | None = None
    kept: Array | None = None
    kind: str = ""
    facts: Any = None

    @property
    def operation(self) -> str:
        """NumPy's name of it, one for all the ways to write it."""
        return str(getattr(self.event.function, "__name__", self.event.operation)).strip("_")

    @property
    def inputs(self) -> tuple[Any, ...]:
        """Its operands, arrays and numbers."""
        return self.event.inputs

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of its result."""
        return np.shape(self.output)

    @property
    def place(self) -> tuple[Any, ...]:
        """The piece of source text: the same for all the calls that a loop makes of it."""
        return self.event.site.code, _span(self.event.site.code, self.event.site.instruction)

    @property
    def statement(self) -> tuple[Any, int]:
        """The line that it stands on."""
        return self.event.site.code, self.event.site.line


@functools.lru_cache(maxsize=4096)
def _span(code: CodeType, instruction: int) -> tuple[int | None, ...]:
    # an instruction's number changes when Python specializes it in the middle of a run; what it was compiled from stays
    return next(itertools.islice(code.co_positions(), instruction // 2, None))


class Graph:
    """Collects the events of a step. Everything it holds is let go of when the step has been looked at.

    Args:
        looked_at: called with each new node before anything else happens, to measure what will not last.
    """

    def __init__(self, looked_at: Callable[[Node], None] | None = None) -> None:
        self.nodes: list[Node] = []
        self.full = False
        self._looked_at = looked_at
        self._writer: dict[int, Node] = {}
        self._alive: list[object] = []  # an id is only good for what lives
        self._copied = 0

    def add(self, event: Event) -> Node | None:
        """Take an operation in; None when there are too many already."""
        if len(self.nodes) >= _MOST:
            self.full = True
            return None
        output = event.output[0] if isinstance(event.output, tuple) and event.output else event.output
        if not isinstance(output, np.ndarray | np.generic):
            return None
        parents: dict[int, Node] = {}
        reads = []
        for position, value in enumerate(event.inputs):
            for key in self._keys(value):
                made = self._writer.get(key)
                if made is None:
                    reads.append((position, key))
                else:
                    parents[made.index] = made
        keys = self._keys(event.output) or [id(output)]
        if not event.in_place and any(key == keys[0] for value in event.inputs for key in self._keys(value)):
            return None  # a view: what it shows is known already
        before = self._writer.get(keys[0])
        if before is not None:
            parents.setdefault(before.index, before)
        node = Node(len(self.nodes), event, tuple(parents.values()), tuple(reads), keys[0], output)
        for parent in node.parents:
            parent.children.append(node)
        for key in keys:
            self._writer[key] = node
        self.nodes.append(node)
        if self._looked_at is not None:
            self._looked_at(node)
        return node

    def writer(self, array: Array) -> Node | None:
        """The operation that wrote last into this array's memory; None when none did in this step."""
        return self._writer.get(id(root(array)))

    def writer_of(self, value: object) -> Node | None:
        """:meth:`writer`, for whatever an operand may be."""
        return self.writer(value) if isinstance(value, np.ndarray) else None

    def value(self, node: Node) -> Array | None:
        """The result of an operation as it was; None when another has written over it since."""
        if node.kept is not None:
            return node.kept
        return np.asarray(node.output) if self._writer.get(node.key) is node else None

    def keep(self, node: Node) -> None:
        """Copy the result, so that nothing can write over it."""
        if self._copied < _COPIED:
            node.kept = np.array(node.output)
            self._copied += node.kept.nbytes

    def ancestors(self, nodes: Iterable[Node], within: Callable[[Node], bool] = lambda _: True) -> Iterator[Node]:
        """``nodes`` and what they came from, nearest first, not going beyond those that ``within`` refuses."""
        seen: set[int] = set()
        level = list(nodes)
        while level:
            above: list[Node] = []
            for node in level:
                if node.index not in seen and within(node):
                    seen.add(node.index)
                    yield node
                    above += node.parents
            level = above

    def clear(self) -> None:
        """Let go of everything at once: nodes know each other both ways, and would wait for the garbage collector.

        What is suspected of a NaN is followed by the memory it lies in, which must not live on in here.
        """
        for node in self.nodes:
            node.children.clear()
        self.nodes.clear()
        self._writer.clear()
        self._alive.clear()

    def _keys(self, value: object) -> list[int]:
        if isinstance(value, np.ndarray):
            owner = root(value)
            self._alive.append(owner)
            return [id(owner)]
        if isinstance(value, np.floating):  # there are only two objects for truth values
            self._alive.append(value)
            return [id(value)]
        if isinstance(value, list | tuple):
            arrays = (item for item in value if isinstance(item, np.ndarray | np.generic | list | tuple))
            return [key for item in arrays for key in self._keys(item)]
        return []
