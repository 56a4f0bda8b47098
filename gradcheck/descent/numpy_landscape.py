"""A loss written in NumPy, run on PyTorch for its gradient and differentiated a second time for its curvature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from gradcheck.descent.agreement import agrees
from gradcheck.descent.landscape import Array, Landscape, Vector, joined, parted
from gradcheck.errors import GradcheckError
from gradcheck.layers.problem import Problem
from gradcheck.state import own_generator
from gradcheck.trace import Trace, reads
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.raised import raising_in

__all__ = ["NumpyLandscape"]

# By differences each gradient takes two evaluations an entry: beyond this many they would take minutes.
_MOST_BY_DIFFERENCES = 500


class NumpyLandscape(Landscape):
    """``problem`` is the loss alone, its parameters the variables."""

    def __init__(self, problem: Problem, seed: int) -> None:
        self.subject = NumpySubject(problem, seed=seed)
        values = {n: v.astype(np.float64) for n, v in self.subject.values().items()}
        self.shapes = {n: v.shape for n, v in values.items()}
        self.start = joined(values)
        self.epsilon = float(np.finfo(np.float64).eps)
        self.notes: list[str] = []
        self.counts = self.subject.counts
        self._traced = True
        self.style = "a NumPy loss, differentiated on PyTorch"
        try:
            self._refuse(self.subject.forward(self._values(self.start)))
            self._refuse_changing()
            self._try_tracing(seed)
        except BaseException:
            self.restore()
            raise

    def loss(self, at: Vector) -> float:
        with raising_in("loss"):
            [output] = self.subject.forward(self._values(at))
        return float(np.asarray(output).reshape(-1)[0])

    def gradient(self, at: Vector) -> Vector:
        if not self._traced:
            return self._by_differences(at)
        values = self._values(at)
        reference = self.subject.autograd(values, self.ones)
        if reference.gradients is None:
            raise GradcheckError(f"loss: it cannot be differentiated at other weights: {reference.failure}")
        return joined({n: reference.gradients[n] for n in self.shapes})

    def products(self, at: Vector) -> Callable[[Vector], Vector] | None:
        if not self._traced:
            return None
        trace = Trace()
        try:
            with self.subject.followed(trace, self._values(at)) as (outputs, variables):
                total = trace.objective(outputs, self.ones)
                leaves = {n: trace.leaf_of(variables[n]) for n in self.shapes}
                if total is None:
                    return None
                reads.new_pass()
                first = torch.autograd.grad(total, list(leaves.values()), create_graph=True, allow_unused=True)
        except Exception:  # an operation whose derivative has none: the gradients' differences serve
            return None
        pairs = [(n, g) for n, g in zip(leaves, first, strict=True) if g is not None and g.requires_grad]

        def product(v: Vector) -> Vector:
            parts = parted(v, self.shapes)
            if not pairs:
                return np.zeros_like(v)
            along = torch.stack([(g * torch.from_numpy(parts[n].copy())).sum() for n, g in pairs]).sum()
            reads.new_pass()
            found = torch.autograd.grad(along, list(leaves.values()), retain_graph=True, allow_unused=True)
            return joined(
                [
                    np.zeros(leaf.shape)
                    if h is None
                    else h.numpy(force=True)  # there are tensors of zeros without memory
                    for leaf, h in zip(leaves.values(), found, strict=True)
                ]
            )

        return product

    def restore(self) -> None:
        self.subject.restore()

    def _values(self, at: Vector) -> dict[str, Array]:
        return {n: np.array(part) for n, part in parted(at, self.shapes).items()}

    def _refuse(self, outputs: list[Array]) -> None:
        if len(outputs) != 1 or outputs[0].size != 1:
            shapes = ", ".join(str(o.shape) for o in outputs) or "nothing"
            raise GradcheckError(f"loss: it gives {shapes}; it must return one number, the loss")
        value = outputs[0]
        if value.dtype.kind != "f":
            raise GradcheckError(f"loss: it returned a number of dtype {value.dtype}; return the loss as a float")
        if not np.isfinite(value).all():
            raise GradcheckError(
                f"loss: it is {value.reshape(-1)[0]} at these weights; give weights where it is finite"
            )
        self.ones = [np.ones(value.shape)]

    def _refuse_changing(self) -> None:
        first, second = self.loss(self.start), self.loss(self.start)
        if first != second:
            raise GradcheckError(
                f"loss: at the same weights, with all random generators seeded, it is {first:.6g} and then "
                f"{second:.6g}; give one that does not change from call to call"
            )

    def _try_tracing(self, seed: int) -> None:
        reference = self.subject.autograd(self._values(self.start), self.ones)
        if reference.gradients is not None and not reference.leaks:
            found = joined({n: reference.gradients[n] for n in self.shapes})
            if not np.all(np.isfinite(found)) or agrees(self, found, own_generator(seed)):
                return
        self._traced = False
        self.style = "a NumPy loss, differentiated by differences of its values"
        lost = "a value leaves the trace, or the loss has a corner here"
        how = reference.failure or "; ".join(f"{leak.how} ({leak.where.line})" for leak in reference.leaks[:2]) or lost
        if self.start.size > _MOST_BY_DIFFERENCES:
            raise GradcheckError(
                f"loss: PyTorch cannot follow it ({how}), and {self.start.size} parameters are too many for "
                f"differences of its values (at most {_MOST_BY_DIFFERENCES}); write it in NumPy operations, or in torch"
            )
        self.notes.append(f"PyTorch cannot follow the loss ({how}): its gradients are differences of its values")
        self.epsilon = self.epsilon ** (2 / 3)

    def _by_differences(self, at: Vector) -> Vector:
        found = np.empty_like(at)
        for k in range(at.size):
            h = 1e-5 * max(1.0, abs(float(at[k])))
            moved = [at.copy(), at.copy()]
            moved[0][k] += h
            moved[1][k] -= h
            found[k] = (self.loss(moved[0]) - self.loss(moved[1])) / (2 * h)
        return found
