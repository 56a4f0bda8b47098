"""Pieces of the forward that make one array of one other: an activation, a softmax, however they are written."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import torch

from gradcheck.causes.gate import Gate
from gradcheck.trace import Site

__all__ = ["Segment", "Segments", "found"]

_MOST = 6  # entries of one exit that are kept, the nearest first

Key = tuple[Hashable, ...]


@dataclass(frozen=True, eq=False)
class Segment:
    """A piece of the forward with one entry and one exit of the same shape.

    ``key`` is the same for every execution of the same piece. ``sites`` are those of its operations, in order;
    ``before`` that of the operation which made its entry (None: an input of the forward).
    """

    key: Key
    entry: torch.Tensor
    last: int
    """The number of the gate at its exit."""
    sites: tuple[Site, ...]
    before: Site | None


class Segments:
    """Finds the segments while the operations of a forward come in.

    A tensor dominates another if every path from the inputs goes through it. What dominates a result is the result
    itself and what dominates all of its inputs, so that the dominators are known as the operations come. An exit and a
    dominator of the same shape are a segment: nothing but the entry reaches the exit.
    """

    def __init__(self) -> None:
        self._dominators: dict[int, tuple[torch.Tensor, ...]] = {}

    def entries_of(self, inputs: Sequence[torch.Tensor], shape: torch.Size) -> list[torch.Tensor]:
        """The entries of segments that an operation on ``inputs`` with a result of ``shape`` may end."""
        common = self._common(inputs)
        return [t for t in common if t.shape == shape and not (len(inputs) == 1 and t is inputs[0])][:_MOST]

    def take(self, inputs: Sequence[torch.Tensor], result: torch.Tensor) -> None:
        """Record an operation."""
        self._dominators[id(result)] = (result, *self._common(inputs))

    def _common(self, inputs: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        first, *others = [self._dominators.get(id(t), (t,)) for t in inputs]
        known = [{id(t) for t in each} for each in others]
        return [t for t in first if all(id(t) in each for each in known)]


def found(gates: Sequence[Gate]) -> Iterator[Segment]:
    """The segments that end at ``gates``: the gates that the outputs depend on, in order."""
    made = {id(gate.result): gate for gate in gates}
    for gate in gates:
        for entry in gate.sources[gate.direct :]:
            before = made.get(id(entry))
            start = None if before is None else before.operation.site
            sites = _between(gate, entry, made)
            yield Segment((start, gate.operation.site, len(sites)), entry, gate.index, sites, start)


def _between(gate: Gate, entry: torch.Tensor, made: dict[int, Gate]) -> tuple[Site, ...]:
    """The sites of the operations from ``entry`` to the result of ``gate``, in the order of their execution."""
    through: dict[int, Gate] = {}
    waiting = [gate]
    while waiting:
        one = waiting.pop()
        if one.index not in through:
            through[one.index] = one
            waiting += [made[id(t)] for t in one.inputs if t is not entry and id(t) in made]
    return tuple(dict.fromkeys(through[k].operation.site for k in sorted(through)))
