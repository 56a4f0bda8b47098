"""Calls of one Function at the point of a check, and whether two of them gave the same."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import norm, relative_error
from gradcheck.report import Finding, Where
from gradcheck.witnesses.function_call import Applied, backward_of
from gradcheck.witnesses.function_faults import summed
from gradcheck.witnesses.subject import Array
from gradcheck.witnesses.torch_arrays import to_array
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["Calls", "Found", "Rule", "first_line", "place_of"]

# The same numbers summed in another order by another kernel: relative to the norm, by the bytes of a number.
_SAME = {2: 3e-2, 4: 1e-4, 8: 1e-9}
# What a right gradient of float64 or float32 is off by at most where nothing on the way is rounded to fewer digits.
_EXACT = {4: 1e-5, 8: 2e-9}

Found = dict[str, Array | None]


@dataclass
class Calls:
    """A Function at one point: what its backward gave there, and further calls of it."""

    subject: FunctionSubject
    evidence: Evidence
    layer: str = ""
    in_model: bool = False
    """Whether the inputs that require a gradient are those of a real call in a model."""

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
        return not norm(np.subtract(now, then, dtype=np.float64)) <= self.rounding(then.dtype.itemsize) * size

    def rounding(self, itemsize: int) -> float:
        """What the same gradient may differ by, relative to its norm, in numbers of so many bytes.

        Where the Function goes over to a lower precision inside (``x.float()`` of float64, as kernels do), the other
        order of a sum shows at that precision. How far its gradients are off autograd's tells which one that is.
        """
        usual = _SAME.get(itemsize, 1e-9)
        off = max((self._off(name) for name in self.once), default=0.0)
        if off <= _EXACT.get(itemsize, np.inf):
            return usual
        return max(usual, min((same for same in _SAME.values() if off <= same), default=usual))

    def _off(self, name: str) -> float:
        given, true = self.once[name], self.evidence.autograd.get(name)
        if given is None or true is None or given.shape != true.shape:
            return 0.0
        off = relative_error(given, true)
        return off if np.isfinite(off) else 0.0

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
