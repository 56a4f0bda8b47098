"""The double backward of a ``torch.autograd.Function``: its backward taken as a forward, differentiated once more.

For an output y = f(x) and an upstream gradient u the backward computes g(x, u) = uᵀ ∂y/∂x, a function like any other:
its values are yours, its derivative is what the engine makes of your backward with ``create_graph=True``, the truth is
the forward differentiated twice, and numeric differences are taken of your backward.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from gradcheck.layers.problem import Variable
from gradcheck.report import Leak, Where
from gradcheck.witnesses.function_faults import summed
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Subject, Values, Yours
from gradcheck.witnesses.torch_arrays import to_array
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["TwiceSubject"]


class TwiceSubject(Subject):
    """The backward of ``once`` as a function of its inputs and of the upstream gradients."""

    upstream = "any"
    repeatable = False  # what is kept between calls was seen when the backward itself was checked

    def __init__(self, once: FunctionSubject, values: Values, upstreams: Sequence[Array]) -> None:
        self.once, self.name, self.style = once, once.name, "the backward, differentiated once more"
        self.names = list(values)
        self.upstream_names = [f"upstream{k}" if len(upstreams) > 1 else "upstream" for k in range(len(upstreams))]
        arrays = {**values, **dict(zip(self.upstream_names, upstreams, strict=True))}
        self.variables = [Variable(n, a, "input", f"d{n}") for n, a in arrays.items()]
        self.notes: list[str] = []
        self.counts = {"forward": 0, "backward": 0, "traced": 0}

    def values(self) -> dict[str, Array]:
        return {v.name: np.array(v.array) for v in self.variables}

    def restore(self) -> None:
        self.once.restore()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:  # noqa: ARG002  # all are copied
        self.counts["forward"] += 1
        inner = {n: values[n] for n in self.names}
        applied = self.once.applied(inner)
        several = applied.backward_as_handed(self.once.handed(applied, self._upstreams(values)))
        raw = dict(zip(self.once.arguments.names, several, strict=False))
        found: dict[str, Array | None] = {
            n: to_array(g) if isinstance(g := raw.get(n), torch.Tensor) else np.zeros(inner[n].shape)
            for n in self.names
        }
        for n in self.names:
            summed(n, inner[n], found)
        return [g for g in found.values() if g is not None]

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        with raising_in("backward"):
            outputs = self.forward(values)
        drawn = upstreams(outputs) if callable(upstreams) else list(upstreams)
        self.counts["backward"] += 1
        with raising_in("double backward"):
            gradients = self._twice(values, drawn)
        given: dict[str, Array | None] = dict(gradients)
        return Yours(outputs, given, dict(gradients), upstreams=drawn)

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        del steps
        return []

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        self.counts["traced"] += 1
        dtype = torch.float64 if precision == "float64" else None
        try:
            leaves, outputs = self.once.traced({n: values[n] for n in self.names}, dtype)
            first = _first(outputs, leaves, handed := self._handed(values, outputs))
            made = [to_array(g) for g in first]
            gradients = _second(first, leaves | handed, upstreams, values)
        except Exception as error:
            how = f"autograd cannot differentiate the forward twice: {type(error).__name__}: {error}".splitlines()[0]
            code = self.once.function.forward.__code__
            return Reference(
                [], None, [Leak(Where(code.co_filename, code.co_firstlineno, code.co_name), how)], failure=how
            )
        return Reference(made, gradients, branches=object())

    def _twice(self, values: Values, upstreams: Sequence[Array]) -> dict[str, Array]:
        applied = self.once.applied({n: values[n] for n in self.names})
        leaves = {self.once.arguments.names[i]: leaf for i, leaf in applied.leaves.items()}
        outputs = applied.differentiable()
        handed = self._handed(values, outputs)
        return _second(_first(outputs, leaves, handed), leaves | handed, upstreams, values)

    def _upstreams(self, values: Values) -> list[Array]:
        return [values[n] for n in self.upstream_names]

    def _handed(self, values: Values, outputs: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        pairs = zip(self.upstream_names, outputs, strict=True)
        return {n: torch.as_tensor(np.array(values[n], order="C")).to(o.detach()).requires_grad_() for n, o in pairs}


def _first(
    outputs: Sequence[torch.Tensor], leaves: dict[str, torch.Tensor], handed: dict[str, torch.Tensor]
) -> list[torch.Tensor]:
    """The gradients with a graph of their own."""
    pairs = [(o, u) for o, u in zip(outputs, handed.values(), strict=True) if o.requires_grad]
    found = torch.autograd.grad(
        [o for o, _ in pairs], list(leaves.values()), [u for _, u in pairs], create_graph=True, allow_unused=True
    )
    return [torch.zeros_like(leaf) if g is None else g for g, leaf in zip(found, leaves.values(), strict=True)]


def _second(
    first: Sequence[torch.Tensor], leaves: dict[str, torch.Tensor], upstreams: Sequence[Array], values: Values
) -> dict[str, Array]:
    pairs = [(g, torch.as_tensor(np.array(u)).to(g.detach())) for g, u in zip(first, upstreams, strict=True)]
    pairs = [(g, u) for g, u in pairs if g.requires_grad]
    if not pairs:  # the backward left autograd: to the engine its gradients are constants
        return {n: np.zeros(values[n].shape) for n in leaves}
    found = torch.autograd.grad([g for g, _ in pairs], list(leaves.values()), [u for _, u in pairs], allow_unused=True)
    return {n: np.zeros(values[n].shape) if g is None else to_array(g) for n, g in zip(leaves, found, strict=True)}
