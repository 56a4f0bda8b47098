"""The places of a recorded forward at which a derivative may be wrong: operations, lines, calls."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.recording import Recording
from gradcheck.causes.source import operands_of, shortened, statement_of, target_of, text_of
from gradcheck.report import Where
from gradcheck.trace import Site

__all__ = ["Piece", "Place", "all_changed", "as_it_is", "nothing", "pieces_of", "places_of", "unary"]

_SHORT = 24  # a longer name is not repeated in a formula


@dataclass(frozen=True)
class Place:
    """An operation of the source, wherever it is called from one object: one hypothesis is about all its executions.

    A loop is one place, however often it runs. ``owner`` tells apart the layers that share one method; 0: all.
    """

    site: Site
    owner: int = 0

    def gates(self, case: Case) -> list[Gate]:
        """Its executions in ``case``, in order."""
        if case.recording is None:
            return []
        return [g for g in case.recording.sites.get(self.site, ()) if not self.owner or g.owner == self.owner]

    @property
    def where(self) -> Where:
        """The line, as a report shows it."""
        return self.site.where

    @property
    def called(self) -> str:
        """From where the function is called that it stands in, as a sentence; empty for the forward itself."""
        caller = self.site.caller
        return "" if caller is None else f"called from line {caller.line} in {caller.function}: {caller.where.source}"

    @property
    def text(self) -> str:
        """Its source text."""
        return shortened(text_of(self.site))

    def spelled(self, function: str, slot: int) -> str:
        """A function of x, what goes in as argument ``slot``, and y, what comes out, with the names in the source."""
        operands = operands_of(self.site)
        return with_names(function, {"x": operands[slot] if slot < len(operands) else "", "y": target_of(self.site)})


def with_names(function: str, names: Mapping[str, str]) -> str:
    """A function of x and y with these names for them, in brackets where they are no single word."""

    def named(found: re.Match[str]) -> str:
        alone, compared, letter = found.groups()
        name = names[alone or letter]
        if not name or len(name) > _SHORT:
            return found[0]
        if alone:  # in a call, or compared there, it needs no brackets of its own
            return f"({name}{compared or ''})"
        return name if re.fullmatch(r"[\w.]+", name) else f"({name})"

    return re.sub(r"\(([xy])( [<>] 0)?\)|\b([xy])\b", named, function)


def places_of(recording: Recording) -> Iterator[Place]:
    """Every operation, over all objects that share it, then object by object where there are several."""
    for site, gates in recording.sites.items():
        yield Place(site)
        owners = list(dict.fromkeys(g.owner for g in gates))
        if len(owners) > 1:
            yield from (Place(site, owner) for owner in owners)


@dataclass(frozen=True)
class Piece:
    """A piece of the forward with one entry and one exit of the same shape, over all its executions."""

    key: tuple[Hashable, ...]
    sites: tuple[Site, ...]
    entry: str
    """The name in the source of what goes in; empty where it has none."""

    def ends(self, case: Case) -> list[tuple[Gate, int]]:
        """The gate at each exit, and the number of the entry among its sources."""
        if case.recording is None:
            return []
        found = []
        for segment in case.recording.segments:
            if segment.key == self.key:
                gate = case.recording.gates[segment.last]
                found.append((gate, next(k for k, source in enumerate(gate.sources) if source is segment.entry)))
        return found

    @property
    def where(self) -> Where:
        """Its last line, as a report shows it: what comes out of it is written there."""
        return self.sites[-1].where

    @property
    def text(self) -> str:
        """What it is called: a line's own text, a function's name, or "p by z" with the names in the source."""
        last = self.sites[-1]
        if len({s.line for s in self.sites}) == 1 and len({s.code for s in self.sites}) == 1:
            return shortened(statement_of(last))
        if target_of(last):
            return f"{target_of(last)} by {self.entry}" if self.entry else target_of(last)
        return f"{last.function}()"

    @property
    def named_ends(self) -> int:
        """How many of entry and exit have a name, or are returned: people differentiate from name to name."""
        last = self.sites[-1]
        return bool(self.entry) + bool(target_of(last) or last.where.source.startswith("return "))

    def spelled(self, function: str) -> str:
        """A function of x, what goes in, and y, what comes out, with the names in the source."""
        return with_names(function, {"x": self.entry, "y": target_of(self.sites[-1])})


def pieces_of(recording: Recording) -> list[Piece]:
    """The segments, grouped."""
    found: dict[tuple[Hashable, ...], Piece] = {}
    for segment in recording.segments:
        if segment.key not in found:
            leaf = next((name for name, tensor in recording.leaves.items() if tensor is segment.entry), "")
            entry = leaf if segment.before is None else target_of(segment.before)
            found[segment.key] = Piece(segment.key, segment.sites, entry)
    return list(found.values())


def unary(gates: Sequence[Gate]) -> bool:
    """Whether all these operations have one differentiable input, of their result's shape."""
    return all(g.direct == 1 and g.inputs[0].shape == g.operation.result.shape for g in gates)


def as_it_is(gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
    """The change that changes nothing: the gate remembers what it received."""
    return Flow(through=gradient)


def nothing(gate: Gate, gradient: object) -> Flow:  # noqa: ARG001  # a change takes both
    """The change that lets nothing through."""
    return Flow()


def all_changed(gates: Sequence[Gate], change: Change) -> dict[int, Change]:
    """``change`` at each of ``gates``."""
    return {g.index: change for g in gates}
