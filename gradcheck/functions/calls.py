"""Calls of one Function at the point of a check, and whether two of them gave the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import norm
from gradcheck.report import Finding, Where
from gradcheck.witnesses.function_call import Applied, backward_of
from gradcheck.witnesses.function_faults import summed
from gradcheck.witnesses.subject import Array
from gradcheck.witnesses.torch_arrays import to_array
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["Calls", "Found", "Rule", "first_line", "place_of"]

# The same numbers summed in another order by another kernel: relative to the norm, by the bytes of a number.
_SAME = {2: 3e-2, 4: 1e-4, 8: 1e-9}

Found = dict[str, Array | None]


@dataclass
class Calls:
    """A Function at one point: what its backward gave there, and further calls of it."""

    subject: FunctionSubject
    evidence: Evidence
    layer: str = ""
    in_model: bool = False
    """Whether the inputs that require a gradient are those of a real call in a model."""
    autocast: bool = False
    """Whether that call was made under autocast: then its inputs may be of dtypes that do not go together without."""

    @property
    def once(self) -> Found:
        """The gradients as the check saw them."""
        return self.evidence.yours.gradients

    def applied(self, values: dict[str, Array] | None = None) -> Applied:
        """The Function applied once more, from the same seed."""
        return self.subject.applied(self.evidence.values if values is None else values)

    def upstreams(self, applied: Applied) -> list[torch.Tensor]:
        """The upstream gradients of the check as tensors, one for each differentiable output."""
        pairs = zip(applied.differentiable(), self.evidence.upstreams, strict=True)
        return [torch.as_tensor(np.array(u, order="C")).to(o.detach()) for o, u in pairs]

    def gradients(self, applied: Applied, upstreams: Sequence[torch.Tensor | None]) -> Found:
        """What the backward returns for these upstream gradients, by the name of the input."""
        return self.named(applied, applied.backward(upstreams))

    def named(self, applied: Applied, several: Sequence[object]) -> Found:
        """What a backward returned, by the name of the input, summed as the engine sums it."""
        raw = dict(zip(self.subject.arguments.names, several, strict=False))
        names = [self.subject.arguments.names[i] for i in applied.leaves]
        found: Found = {n: to_array(g) if isinstance(g := raw.get(n), torch.Tensor) else None for n in names}
        for name in names:
            summed(name, self.evidence.values[name], found)
        return found

    def differing(self, now: Found, then: Found, scale: float = 1.0) -> list[str]:
        """The gradients that are not the same numbers; None counts as zeros.

        A gradient that vanishes is held against ``scale`` times what it is at the upstream gradients of the check.
        """
        return [name for name in then if self._apart(name, now.get(name), then[name], scale)]

    def _apart(self, name: str, now: Array | None, then: Array | None, scale: float) -> bool:
        if now is None or then is None:
            given = now if then is None else then
            return given is not None and bool(np.any(given))
        if now.shape != then.shape:
            return True
        if not np.all(np.isfinite(then)):
            return False
        usual = self.once.get(name)
        size = max(norm(then), 0.0 if usual is None else scale * norm(usual))
        return not norm(np.subtract(now, then, dtype=np.float64)) <= _SAME.get(then.dtype.itemsize, 1e-9) * size

    def titles(self, names: Sequence[str]) -> str:
        """The gradients' names as a finding lists them."""
        return ", ".join(f"d{name}" for name in names)


def place_of(function: Any) -> Where | None:
    """Where the backward of a Function is written."""
    code = getattr(inspect.unwrap(backward_of(function)), "__code__", None)
    return None if code is None else Where(code.co_filename, code.co_firstlineno, code.co_qualname)


Rule = Callable[[Calls], list[Finding]]


def first_line(error: BaseException) -> str:
    """The kind of an exception and the first line of its text."""
    told = str(error).splitlines()
    return f"{type(error).__name__}: {told[0]}" if told else type(error).__name__
