"""A torch callable that the user names as the truth, in place of the traced forward."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.difference import relative_error
from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Leak, Where
from gradcheck.state import seed_everything
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Subject, Values, Yours
from gradcheck.witnesses.torch_arrays import flat_outputs, to_array

__all__ = ["WithReference"]


class WithReference(Subject):
    """``inner`` with autograd run on ``reference`` instead of on the user's own forward.

    ``reference`` is called with the forward's positional arguments (arrays as tensors, the rest as it is);
    parameters of an object follow in order, or go by name where its signature names them.
    """

    truth = "reference"

    def __init__(self, inner: Subject, reference: Callable[..., Any], arguments: Sequence[object], seed: int) -> None:
        if not callable(reference):
            raise GradcheckError(f"reference: it must be a function of torch tensors, not {type(reference).__name__}")
        self.inner, self.reference, self.arguments, self.seed = inner, reference, list(arguments), seed
        self.name, self.style, self.notes = inner.name, inner.style, inner.notes
        self.variables, self.upstream, self.counts = inner.variables, inner.upstream, inner.counts
        self.repeatable, self.keeps_state_elsewhere = inner.repeatable, inner.keeps_state_elsewhere
        self.calls_backward = inner.calls_backward
        self.faults: list[Finding] = []

    def values(self) -> dict[str, Array]:
        return self.inner.values()

    def restore(self) -> None:
        self.inner.restore()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:
        return self.inner.forward(values, spare)

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        given = self.inner.yours(values, upstreams)
        fault = self._other_output(values, given.outputs)
        return given if fault is None else Yours(**{**vars(given), "faults": [*given.faults, fault]})

    def gradient_rounding(self, name: str) -> float:
        return self.inner.gradient_rounding(name)

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        return self.inner.sequence(steps)

    def in_own_dtypes(self, values: Values, upstreams: Sequence[Array]) -> Yours | None:
        return self.inner.in_own_dtypes(values, upstreams)

    def beside_another(self, values: Values, upstreams: Sequence[Array]) -> Gradient | None:
        return self.inner.beside_another(values, upstreams)

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        if precision == "float64":
            values = {n: v.astype(np.float64) for n, v in values.items()}
        self.counts["traced"] += 1
        leaves: dict[str, torch.Tensor] = {}
        with torch.enable_grad():
            outputs = self._call(values, leaves)
            if len(outputs) != len(upstreams):
                raise GradcheckError(f"reference: it returns {len(outputs)} outputs, the forward {len(upstreams)}")
            pairs = [(o, torch.as_tensor(np.array(u)).to(o.detach())) for o, u in zip(outputs, upstreams, strict=True)]
            for output, upstream in pairs:
                if output.shape != upstream.shape:
                    raise GradcheckError(
                        f"reference: its output has shape {tuple(output.shape)}, the forward's {tuple(upstream.shape)}"
                    )
            if not any(o.requires_grad for o, _ in pairs):
                raise GradcheckError(
                    "reference: its output does not depend on its inputs as far as autograd sees; use torch operations "
                    "throughout, and neither detach() nor numpy()"
                )
            found = torch.autograd.grad(
                [o for o, _ in pairs], list(leaves.values()), [u for _, u in pairs], allow_unused=True
            )
        gradients = {
            n: np.zeros(values[n].shape) if g is None else to_array(g) for n, g in zip(leaves, found, strict=True)
        }
        missing = [n for n in values if n not in gradients]
        leaks = [Leak(self._where(), f"the reference does not take {n}") for n in missing]
        return Reference([to_array(o) for o in outputs], gradients or None, leaks, branches=object())

    def _call(self, values: Values, leaves: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        try:
            return self._called(values, leaves)
        except Exception as error:
            raise GradcheckError(
                f"reference: it raised {type(error).__name__}: {str(error).splitlines()[0]}; it is called with torch "
                "tensors in the order of the forward's arguments, and must return a tensor of its output's shape"
            ) from error

    def _called(self, values: Values, leaves: dict[str, torch.Tensor]) -> list[torch.Tensor]:
        seed_everything(self.seed)
        by_id = {id(v.array): v.name for v in self.variables}
        given = [torch.from_numpy(np.empty(0, v.dtype)).dtype for v in values.values()]
        common = given[0] if given and len(set(given)) == 1 else None

        def tensor(value: object) -> object:
            if not isinstance(value, np.ndarray | torch.Tensor):
                return value
            name = by_id.get(id(value), "")
            if name in values:
                leaves[name] = torch.from_numpy(np.array(values[name])).requires_grad_()
                return leaves[name]
            constant = value if isinstance(value, torch.Tensor) else torch.from_numpy(np.array(value))
            if common is None or not constant.is_floating_point():
                return constant
            # PyTorch refuses to multiply matrices of float64 and float32, and the reference is run in more than one.
            return constant.to(torch.promote_types(constant.dtype, common))

        args = [tensor(a) for a in self.arguments]
        extra: dict[str, object] = {}
        accepted = _accepted(self.reference)
        for v in self.variables:
            if v.name in leaves or v.name not in values:
                continue
            if v.name in accepted:
                extra[v.name] = tensor(v.array)
            elif v.role == "parameter" and len(args) < len(accepted):
                args.append(tensor(v.array))
        outputs = flat_outputs(self.reference(*args, **extra))
        if not outputs:
            raise TypeError("it returned no floating-point tensor")
        return outputs

    def _other_output(self, values: Values, outputs: list[Array]) -> Finding | None:
        with torch.no_grad():
            true = [to_array(o) for o in self._call(values, {})]
        for k, (mine, theirs) in enumerate(zip(outputs, true, strict=False)):
            which = "the output" if len(outputs) == 1 else f"output {k}"
            if mine.shape != theirs.shape:
                what = f"forward gives {which} of shape {mine.shape}, the reference {theirs.shape}"
            elif relative_error(mine, theirs) > (1e-7 if mine.dtype == np.float64 else 1e-3):
                what = f"forward and the reference differ by {relative_error(mine, theirs):.1e} in {which}"
            else:
                continue
            return Finding(
                "GC120",
                "error",
                what,
                where=self._where(),
                help=("make the forward right first: the gradients compared are those of two different functions",),
            )
        return None

    def _where(self) -> Where:
        code = getattr(self.reference, "__code__", None)
        return Where("the reference", 0) if code is None else Where(code.co_filename, code.co_firstlineno, code.co_name)


def _accepted(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []
