"""A forward recorded once, to be differentiated many times with some of its derivatives changed."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.gate import Change, Gate, open_gate
from gradcheck.causes.segments import Segment, Segments, found
from gradcheck.trace import Site, Trace, reads
from gradcheck.trace.operation import Operation
from gradcheck.trace.sites import user_frame
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Values

__all__ = ["Recording", "gated", "record", "recorded", "tensors_of"]


class Recording:
    """The operations of one forward, each behind a gate, and what they are differentiated with respect to."""

    def __init__(self, gates: Sequence[Gate], segments: Sequence[Segment], leaves: Mapping[str, torch.Tensor],
                 total: torch.Tensor) -> None:  # fmt: skip
        self.gates = gates
        self.segments = segments
        self.leaves = leaves
        self.passes = 0
        self._total = total

    @functools.cached_property
    def sites(self) -> dict[Site, list[Gate]]:
        """The gates by the place in the source that they stand for, in the order of their first call."""
        found: dict[Site, list[Gate]] = defaultdict(list)
        for gate in (g for g in self.gates if g.is_reached):
            found[gate.operation.site].append(gate)
        return dict(found)

    def gradients(self, changes: Mapping[int, Change], names: Iterable[str] | None = None) -> dict[str, Array]:
        """The gradients by ``names`` (default: all), with the derivatives at some gates changed (by their number).

        Only the part of the forward between them and the outputs is gone through: the last layer's cost little.
        """
        leaves = {n: self.leaves[n] for n in (self.leaves if names is None else names)}
        changed = [self.gates[k] for k in changes]
        for gate in changed:
            gate.change, gate.received = changes[gate.index], None
        self.passes += 1
        reads.new_pass()
        try:
            found = torch.autograd.grad(self._total, list(leaves.values()), retain_graph=True, allow_unused=True)
        finally:
            for gate in changed:
                gate.change = None
        return {
            name: np.zeros(leaf.shape) if gradient is None else gradient.numpy().copy()
            for (name, leaf), gradient in zip(leaves.items(), found, strict=True)
        }


def record(subject: NumpySubject, values: Values, upstreams: Sequence[Array]) -> Recording | None:
    """Run the forward of ``subject`` once, recorded; None where a value leaves the trace or it cannot be followed."""
    gates, hook = gated()
    trace = Trace(hook=hook)
    wide = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in values.items()}
    try:
        with subject.followed(trace, wide) as (outputs, variables):
            total = trace.objective(outputs, upstreams)
            leaves = {name: trace.leaf_of(variable) for name, variable in variables.items()}
    except Exception:
        return None
    if total is None or trace.leaks or trace.mismatch:
        return None
    return recorded(gates, leaves, total)


def recorded(gates: Sequence[Gate], leaves: Mapping[str, torch.Tensor], total: torch.Tensor) -> Recording:
    """The recording of a forward whose objective is ``total``: one pass shows which gates it comes through."""
    torch.autograd.grad(total, list(leaves.values()), retain_graph=True, allow_unused=True)
    return Recording(gates, list(found([gate for gate in gates if gate.is_reached])), leaves, total)


def gated(are_copied: bool = False) -> tuple[list[Gate], Callable[[Operation], torch.Tensor]]:
    """A list of gates, and the hook that puts each operation which it is told behind a new one of them.

    With ``are_copied`` each result is copied, so that the forward may change it in place.
    """
    gates: list[Gate] = []
    segments = Segments()

    def hook(operation: Operation) -> torch.Tensor:
        numbered = dict(tensors_of(operation))
        inputs = list(numbered.values())
        if not inputs or not operation.result.requires_grad or operation.result.is_complex():
            return operation.result
        frame = user_frame()
        entries = [t for t in segments.entries_of(inputs, operation.result.shape) if not any(t is i for i in inputs)]
        gate = Gate(len(gates), operation, [*inputs, *entries], tuple(numbered), is_copied=are_copied)
        gate.owner = 0 if frame is None else id(frame.f_locals.get("self"))
        result = open_gate(gate)
        segments.take(inputs, result)
        gates.append(gate)
        return result

    return gates, hook


def tensors_of(operation: Operation) -> Iterator[tuple[int, torch.Tensor]]:
    """The differentiable inputs of an operation, each once, with the number of the argument that it is."""
    seen: set[int] = set()
    for number, tensor in enumerate(_nested([operation.inputs, operation.keywords])):
        if isinstance(tensor, torch.Tensor) and tensor.requires_grad and id(tensor) not in seen:
            seen.add(id(tensor))
            yield number, tensor


def _nested(x: Any) -> Iterator[Any]:
    if isinstance(x, torch.Tensor | np.ndarray | float | int):
        yield x
    elif isinstance(x, list | tuple):
        for item in x:
            yield from _nested(item)
    elif isinstance(x, Mapping):
        for item in x.values():
            yield from _nested(item)
