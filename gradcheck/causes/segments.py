"""Lines and function calls of the forward that make one array of one other: an activation, however it is written."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterator, Sequence
from dataclasses import dataclass
from types import FrameType

import torch

from gradcheck.trace.operation import Operation
from gradcheck.trace.sites import Site, is_users

__all__ = ["Segment", "Segments"]

_DEEPEST = 3  # calls around an operation that are looked at, innermost first

Key = tuple[Hashable, ...]


@dataclass(frozen=True, eq=False)
class Segment:
    """A piece of the forward with one entry and one exit of the same shape.

    ``key`` is the same for every execution of the same piece; ``sites`` are those of its operations, in order.
    """

    key: Key
    entry: torch.Tensor
    exit: torch.Tensor
    last: int
    """The number of the gate at its exit."""
    sites: tuple[Site, ...]

    @property
    def lines(self) -> str:
        """The lines it covers, as shown."""
        lines = sorted({site.line for site in self.sites})
        return str(lines[0]) if len(lines) == 1 else f"{lines[0]}-{lines[-1]}"


class _Unit:
    """One execution of a line, or one call of a function, while it is recorded."""

    def __init__(self, key: Key) -> None:
        self.key = key
        self.entries: dict[int, tuple[torch.Tensor, ...]] = {}
        """By result: the tensors from outside that it depends on; two stand for any number of them."""
        self.results: list[tuple[int, torch.Tensor, Site]] = []

    def entries_of(self, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """The tensors from outside that an operation on ``inputs`` depends on; two stand for any number of them."""
        found: list[torch.Tensor] = []
        for tensor in inputs:
            for entry in self.entries.get(id(tensor), (tensor,)):
                if not any(entry is known for known in found):
                    found.append(entry)
        return tuple(found[:2])

    def take(self, index: int, site: Site, inputs: Sequence[torch.Tensor], result: torch.Tensor) -> None:
        """Record an operation of this unit."""
        self.entries[id(result)] = self.entries_of(inputs)
        self.results.append((index, result, site))


class Segments:
    """Finds the segments while the operations of a forward come in."""

    def __init__(self) -> None:
        self._units: dict[tuple[Hashable, ...], _Unit] = {}
        self._executions: dict[int, tuple[int, int, int]] = {}
        self._frames: list[FrameType] = []  # held, so that no other frame gets the same id

    def units_of(self, operation: Operation, frame: FrameType) -> list[_Unit]:
        """The units that an operation belongs to: its line, and the calls around it."""
        site = operation.site
        units = [
            self._unit(("line", id(frame), self._execution(frame, site)), ("line", site.code, site.line, site.path))
        ]
        around: FrameType | None = frame
        for depth in range(_DEEPEST):
            if around is None or around.f_back is None or not is_users(around.f_code) or len(site.path) < depth:
                break
            units.append(self._unit(("call", id(around)), ("call", around.f_code, site.path[depth:])))
            self._frames.append(around)
            around = around.f_back
        self._frames.append(frame)
        return units

    def _unit(self, name: tuple[Hashable, ...], key: Key) -> _Unit:
        return self._units.setdefault(name, _Unit(key))

    def _execution(self, frame: FrameType, site: Site) -> int:
        """The number of the execution of this line: instructions go forward within one."""
        line, instruction, count = self._executions.get(id(frame), (-1, -1, 0))
        if line != site.line or site.instruction <= instruction:
            count += 1
        self._executions[id(frame)] = (site.line, site.instruction, count)
        return count

    def found(self, reached: Container[int]) -> Iterator[Segment]:
        """The segments of the whole forward, once it has run; ``reached`` are the gates that the outputs depend on."""
        for unit in self._units.values():
            results = [each for each in unit.results if each[0] in reached]
            if not results:
                continue
            index, result, _ = results[-1]
            entries = unit.entries[id(result)]
            if len(entries) == 1 and entries[0].shape == result.shape:
                sites = dict.fromkeys(site for _, _, site in results)
                yield Segment(unit.key, entries[0], result, index, tuple(sites))
        self._frames.clear()
