"""A ``torch.autograd.Function``: its backward against its own forward run under autograd."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Leak, Where
from gradcheck.state import State, seed_everything
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Subject, Values, Yours
from gradcheck.witnesses.torch_arrays import Arguments, flat_outputs, to_array

__all__ = ["FunctionSubject"]


class _Context:
    """Stands in for ``ctx`` when the forward is run by itself: keeps what it is given, asks nothing."""

    def __init__(self, inputs: int) -> None:
        self.needs_input_grad = (True,) * inputs
        self.saved_tensors: tuple[Any, ...] = ()

    def save_for_backward(self, *tensors: Any) -> None:
        self.saved_tensors = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        pass

    def mark_dirty(self, *tensors: Any) -> None:
        pass

    def mark_non_differentiable(self, *tensors: Any) -> None:
        pass

    def set_materialize_grads(self, value: bool) -> None:
        pass


class FunctionSubject(Subject):
    """``function.apply`` on the given arguments."""

    upstream = "any"

    def __init__(
        self,
        function: Any,
        arguments: Sequence[object],
        *,
        seed: int,
        dtype: np.dtype[Any] | None,
        wrt: Sequence[str] | None,
        constants: Sequence[str],
    ) -> None:
        self.function, self.seed, self.dtype = function, seed, dtype
        self.separate = function.setup_context is not torch.autograd.Function.setup_context
        names = _argument_names(function, len(arguments), skip=0 if self.separate else 1)
        self.arguments = Arguments(arguments, names)
        self.variables = self.arguments.variables(wrt, constants, lambda name: f"d{name}")
        known = [v.name for v in self.variables]
        for argument, given in (("wrt", wrt or ()), ("constants", constants)):
            for name in given:
                if name not in known:
                    raise GradcheckError(
                        f"{argument}: there is no input {name!r}; there are {', '.join(known) or 'none'}"
                    )
        self.name = function.__name__
        self.style = "torch.autograd.Function: apply, then backward(ctx, *grad_outputs)"
        self.notes: list[str] = []
        self.counts = {"forward": 0, "backward": 0, "traced": 0}
        self.snapshot = State(function.forward, function.backward, list(arguments)).snapshot()

    def values(self) -> dict[str, Array]:
        return {v.name: v.array.astype(self.dtype or v.array.dtype) for v in self.wanted()}

    def restore(self) -> None:
        self.snapshot.restore()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:  # noqa: ARG002  # all are copied
        self.counts["forward"] += 1
        seed_everything(self.seed)
        args, _, _ = self.arguments.filled(values, None, requires_grad=False)
        with torch.no_grad():
            return [to_array(t) for t in flat_outputs(self.function.apply(*args))]

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        self.counts["forward"] += 1
        seed_everything(self.seed)
        args, _, leaves = self.arguments.filled(values, None, requires_grad=True)
        with raising_in("forward"):
            outputs, every = self._apply(args)
        plain = [to_array(o) for o in outputs]
        drawn = upstreams(plain) if callable(upstreams) else list(upstreams)
        handed = self._handed(every, drawn)
        kept = [None if u is None else u.clone() for u in handed]
        self.counts["backward"] += 1
        with raising_in("backward"):
            raw, faults = self._backward(outputs, handed)
        written = [f"backward:{n}" for n, t in leaves.items() if not np.array_equal(to_array(t), values[n])]
        written += [
            f"backward:upstream {i}"
            for i, (u, k) in enumerate(zip(handed, kept, strict=True))
            if u is not None and k is not None and not torch.equal(u, k)
        ]
        gradients: dict[str, Array | None] = {}
        for name in leaves:
            given = raw.get(name)
            gradients[name] = to_array(given) if isinstance(given, torch.Tensor) else None
            faults += self._summed(name, values[name], gradients)
        return Yours(plain, gradients, dict(raw), faults, written, upstreams=drawn)

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        done: list[list[Gradient]] = []
        for values, upstreams in steps:
            done.append([])
            seed_everything(self.seed)
            args, _, leaves = self.arguments.filled(values, None, requires_grad=True)
            try:
                self.counts["forward"] += 1
                outputs, every = self._apply(args)
                for upstream in upstreams:
                    self.counts["backward"] += 1
                    raw, _ = self._backward(outputs, self._handed(every, upstream))
                    gradients: dict[str, Array | None] = {
                        n: to_array(g) if isinstance(g := raw.get(n), torch.Tensor) else None for n in leaves
                    }
                    for name in leaves:
                        self._summed(name, values[name], gradients)
                    done[-1].append(gradients)
            except Exception as error:
                done[-1].append(error)
                break
        return done

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        self.counts["traced"] += 1
        seed_everything(self.seed)
        dtype = torch.float64 if precision == "float64" else None
        args, _, leaves = self.arguments.filled(values, dtype, requires_grad=True)
        # a custom forward may change its input in place, which a leaf does not allow
        args = [a.clone() if isinstance(a, torch.Tensor) and a.requires_grad else a for a in args]
        try:
            with torch.enable_grad():
                made = (
                    self.function.forward(*args) if self.separate else self.function.forward(_Context(len(args)), *args)
                )
                outputs = flat_outputs(made)
                if not any(o.requires_grad for o in outputs):
                    raise RuntimeError("its output does not depend on its inputs as far as autograd sees")
                pairs = [
                    (o, torch.as_tensor(np.asarray(u)).to(o))
                    for o, u in zip(outputs, upstreams, strict=True)
                    if o.requires_grad
                ]
                found = torch.autograd.grad(
                    [o for o, _ in pairs], list(leaves.values()), [u for _, u in pairs], allow_unused=True
                )
        except Exception as error:
            how = f"autograd cannot follow the forward: {type(error).__name__}: {str(error).splitlines()[0]}"
            code = self.function.forward.__code__
            return Reference(
                [], None, [Leak(Where(code.co_filename, code.co_firstlineno, code.co_name), how)], failure=how
            )
        gradients = {
            n: np.zeros(values[n].shape) if g is None else to_array(g) for n, g in zip(leaves, found, strict=True)
        }
        # no record of branches is kept for torch forwards: every two points count as on different ones
        return Reference([to_array(o) for o in outputs], gradients, branches=object())

    def _apply(self, args: list[Any]) -> tuple[list[torch.Tensor], tuple[Any, ...]]:
        with torch.enable_grad():
            made = self.function.apply(*args)
        every = made if isinstance(made, tuple) else (made,)
        return flat_outputs(made), every

    def _handed(self, every: tuple[Any, ...], upstreams: Sequence[Array]) -> list[torch.Tensor | None]:
        given = iter(upstreams)
        handed: list[torch.Tensor | None] = []
        for output in every:
            if isinstance(output, torch.Tensor) and output.is_floating_point():
                handed.append(torch.as_tensor(np.array(next(given))).to(output.detach()))
            elif isinstance(output, torch.Tensor):
                handed.append(torch.zeros_like(output, requires_grad=False))
            else:
                handed.append(None)
        return handed

    def _backward(
        self, outputs: list[torch.Tensor], handed: list[torch.Tensor | None]
    ) -> tuple[dict[str, object], list[Finding]]:
        """The backward called directly, so that what it returns is seen before the engine sums and casts it."""
        node = next((o.grad_fn for o in outputs if o.grad_fn is not None), None)
        if node is None:
            raise GradcheckError(
                f"{self.name}: its output does not require a gradient; at least one input must be differentiable"
            )
        with torch.no_grad():
            given = self.function.backward(node, *handed)
        several = list(given) if isinstance(given, tuple | list) else [given]
        names = list(self.arguments.names)
        faults = []
        if (len(several) != len(names) and any(g is not None for g in several[len(names) :])) or len(several) < len(
            names
        ):
            faults.append(
                Finding(
                    "GC101",
                    "error",
                    f"backward returns {len(several)} gradients for {len(names)} inputs",
                    help=("return one value per argument of forward after ctx, None where there is no gradient",),
                )
            )
        return dict(zip(names, several, strict=False)), faults

    def _summed(self, name: str, value: Array, gradients: dict[str, Array | None]) -> list[Finding]:
        """PyTorch's engine sums a gradient that was left unsummed over broadcast axes; say so, and judge the sum."""
        given = gradients[name]
        if given is None or given.shape == value.shape:
            return []
        try:
            if np.broadcast_shapes(given.shape, value.shape) != given.shape:
                return []
        except ValueError:
            return []
        lead = given.ndim - value.ndim
        axes = tuple(range(lead)) + tuple(
            lead + i for i, n in enumerate(value.shape) if n == 1 and given.shape[lead + i] != 1
        )
        gradients[name] = given.sum(axis=axes, keepdims=True).reshape(value.shape)
        return [
            Finding(
                "GC104",
                "warning",
                f"d{name} has shape {given.shape}, {name} has shape {value.shape}",
                gradient=f"d{name}",
                evidence=("PyTorch's engine sums it for you; called by anything else it is wrong",),
                help=(f"sum over axis {axes if len(axes) > 1 else axes[0]} in backward",),
            )
        ]


def _argument_names(function: Any, count: int, skip: int) -> list[str]:
    parameters = list(inspect.signature(function.forward).parameters.values())[skip:]
    names: list[str] = []
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}{i}" for i in range(count - len(names))]
        else:
            names.append(p.name)
    if count > len(names):
        raise GradcheckError(
            f"{function.__name__}: {count} arguments given, its forward takes {len(names)}: {', '.join(names)}"
        )
    return names[:count]
