"""A ``torch.autograd.Function``: its backward against its own forward run under autograd."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.difference import relative_error
from gradcheck.errors import GradcheckError
from gradcheck.report import Finding, Leak, Where
from gradcheck.state import State, seed_everything
from gradcheck.witnesses.function_call import Applied, apply_function, apply_to
from gradcheck.witnesses.function_faults import faults_of, summed
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Subject, Values, Yours
from gradcheck.witnesses.torch_arrays import Arguments, flat_outputs, gradients_of, to_array

__all__ = ["FunctionSubject", "argument_names"]


class _Context:
    """Stands in for ``ctx`` when the forward is run by itself: keeps what it is given, asks nothing."""

    def __init__(self, needed: Sequence[bool]) -> None:
        self.needs_input_grad = tuple(needed)
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
    autocast = False
    """Whether the call was made under autocast: then its inputs may be of dtypes that do not go together without."""

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
        self.separate = _has_setup_context(function)
        names = argument_names(function, len(arguments))
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
        self._differentiable: list[bool] | None = None
        self._narrow: str | None = None
        self.snapshot = State(function.forward, function.backward, list(arguments)).snapshot()

    def values(self) -> dict[str, Array]:
        return {v.name: v.array.astype(self.dtype or v.array.dtype) for v in self.wanted()}

    def places(self) -> list[object]:
        """The arguments in their order, with the very array of its variable where each tensor stands."""
        arrays = {v.name: v.array for v in self.variables if v.differentiated}
        return [
            arrays.get(name, given)
            for name, given in zip(self.arguments.names, self.arguments.positional, strict=False)
        ]

    def restore(self) -> None:
        self.snapshot.restore()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:  # noqa: ARG002  # all are copied
        self.counts["forward"] += 1
        values, wide = self._within_reach(values)
        self._seed()
        args, _, _ = self.arguments.filled(values, wide, requires_grad=False)
        with torch.no_grad():
            return [to_array(t) for t in self._with_gradient(flat_outputs(self.function.apply(*args)))]

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        with raising_in("forward"):
            applied = self.applied(values)
        plain = [to_array(o) for o in applied.differentiable()]
        faults = [_undeclared(n) for n, i in self._leaves(applied).items() if self._written(applied, i, values[n])]
        before = {n: applied.args[i].detach().clone() for n, i in self._leaves(applied).items()}
        drawn = upstreams(plain) if callable(upstreams) else list(upstreams)
        handed = self.handed(applied, drawn)
        kept = [None if u is None else u.clone() for u in handed]
        self.counts["backward"] += 1
        with raising_in("backward"):
            several = applied.backward_as_handed(handed)
        faults += faults_of(several, self.arguments.names, applied.args, self._leaves(applied))
        written = [
            f"backward:{n}"
            for n, i in self._leaves(applied).items()
            if not torch.equal(applied.args[i], before[n]) and not bool(torch.isnan(before[n]).any())
        ]
        written += [
            f"backward:upstream {i}"
            for i, (u, k) in enumerate(zip(handed, kept, strict=True))
            if u is not None and k is not None and not torch.equal(u, k)
        ]
        raw = dict(zip(self.arguments.names, several, strict=False))
        gradients = self._gradients(raw, applied)
        for name in gradients:
            faults += summed(name, values[name], gradients)
        return Yours(plain, gradients, raw, faults, written, upstreams=drawn)

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        done: list[list[Gradient]] = []
        for values, upstreams in steps:
            done.append([])
            try:
                applied = self.applied(values)
                for upstream in upstreams:
                    self.counts["backward"] += 1
                    several = applied.backward_as_handed(self.handed(applied, upstream))
                    gradients = self._gradients(dict(zip(self.arguments.names, several, strict=False)), applied)
                    for name in gradients:
                        summed(name, values[name], gradients)
                    done[-1].append(gradients)
            except Exception as error:
                done[-1].append(error)
                break
        return done

    def in_own_dtypes(self, values: Values, upstreams: Sequence[Array]) -> Yours | None:
        if self.autocast or self.dtype is not None or not any(v.is_bfloat16 for v in self.variables):
            return None
        self._seed()
        args, _, _ = self.arguments.filled(values, None, requires_grad=False, own=True)
        applied = apply_function(self.function, args, [n in values for n in self.arguments.names])
        raw = dict(zip(self.arguments.names, applied.backward(self._tensors(applied, upstreams)), strict=False))
        gradients = self._gradients(raw, applied)
        for name in gradients:
            summed(name, values[name], gradients)
        return Yours([to_array(o) for o in applied.differentiable()], gradients, raw)

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        self.counts["traced"] += 1
        dtype = torch.float64 if precision == "float64" else None
        try:
            leaves, outputs = self.traced(values, dtype)
            gradients = gradients_of(leaves, outputs, upstreams)
        except Exception as error:
            how = f"autograd cannot follow the forward: {type(error).__name__}: {error}".splitlines()[0]
            code = self.function.forward.__code__
            return Reference(
                [], None, [Leak(Where(code.co_filename, code.co_firstlineno, code.co_name), how)], failure=how
            )
        # no record of branches is kept for torch forwards: every two points count as on different ones
        return Reference([to_array(o) for o in outputs], gradients, branches=object())

    def traced(self, values: Values, dtype: torch.dtype | None) -> tuple[dict[str, torch.Tensor], list[torch.Tensor]]:
        """The forward itself run under autograd, without the backward: the tensors to differentiate by, the outputs."""
        if dtype is not None:
            values = {n: v.astype(np.float64, copy=False) for n, v in values.items()}
        values, wide = self._within_reach(values)
        self._seed()
        args, _, leaves = self.arguments.filled(values, wide, requires_grad=True)
        # a custom forward may change its input in place, which a leaf does not allow
        args = [a.clone() if isinstance(a, torch.Tensor) and a.requires_grad else a for a in args]
        with torch.enable_grad():
            context = _Context([n in leaves for n in self.arguments.names])
            made = self.function.forward(*args) if self.separate else self.function.forward(context, *args)
        outputs = self._with_gradient(flat_outputs(made))
        if not any(o.requires_grad for o in outputs):
            raise RuntimeError("its output does not depend on its inputs as far as autograd sees")
        return leaves, outputs

    def applied(self, values: Values, names: Collection[str] | None = None) -> Applied:
        """The function applied at ``values``; gradients are required for all of them, or for ``names``."""
        self.counts["forward"] += 1
        values, wide = self._within_reach(values)
        self._seed()
        args, _, leaves = self.arguments.filled(values, wide, requires_grad=True)
        for name in leaves.keys() - set(leaves if names is None else names):
            leaves.pop(name).requires_grad_(False)
        where = {i: leaves[n] for i, n in enumerate(self.arguments.names) if n in leaves}
        applied = apply_to(self.function, args, where)
        if applied.node is None:
            raise GradcheckError(
                f"{self.name}: its output does not require a gradient; at least one input must be differentiable"
            )
        if names is None:
            self._differentiable = [o.requires_grad for o in flat_outputs(list(applied.outputs))]
        return applied

    def handed(self, applied: Applied, upstreams: Sequence[Array]) -> list[torch.Tensor | None]:
        """The upstream gradients as tensors of the outputs' dtypes, one for each output."""
        return applied.handed(self._tensors(applied, upstreams))

    @staticmethod
    def _tensors(applied: Applied, upstreams: Sequence[Array]) -> list[torch.Tensor]:
        pairs = zip(applied.differentiable(), upstreams, strict=True)
        return [torch.as_tensor(np.array(u, order="C")).to(o.detach()) for o, u in pairs]

    def _seed(self) -> None:
        """The global generators, and those that are handed to the forward."""
        seed_everything(self.seed)
        for value in self.arguments.positional:
            if isinstance(value, torch.Generator):
                value.manual_seed(self.seed)

    def _within_reach(self, values: Values) -> tuple[Values, torch.dtype | None]:
        """Values that the forward takes, and the dtype of its constants: float64 only where it computes the same in it.

        A kernel may be made for float32 alone, and numbers drawn by dtype (``torch.rand_like``) are others in float64.
        """
        own = {v.name: v.array.dtype for v in self.wanted()}
        if any(v.dtype != np.float64 for v in values.values()) or all(d == np.float64 for d in own.values()):
            return values, None
        if self._narrow is None:
            self._narrow = ""  # while it is looked at
            self._narrow = self._why_narrow(values, own)
            if self._narrow:
                self.notes.append(
                    f"{self.name} {self._narrow}: run in {', '.join(sorted({str(d) for d in own.values()}))} throughout"
                )
        if self._narrow:
            return {n: v.astype(own[n]) for n, v in values.items()}, None
        return values, torch.float64

    def _why_narrow(self, values: Values, own: dict[str, np.dtype[Any]]) -> str:
        native = {n: v.astype(own[n]) for n, v in values.items()}
        told = []
        for tried, dtype in ((native, None), (values, torch.float64)):
            self._seed()
            try:  # a device may have no float64 at all
                args, _, _ = self.arguments.filled(tried, dtype, requires_grad=False)
                with torch.no_grad():
                    told.append([to_array(o) for o in flat_outputs(self.function.apply(*args))])
            except Exception:
                return "takes no float64" if told else ""
        eps = max(float(np.finfo(d).eps) for d in own.values())
        same = all(relative_error(a, b) <= min(1e4 * eps, 0.1) for a, b in zip(*told, strict=True) if a.size)
        return "" if same else "computes something else in float64"

    def draws_in_backward(self, values: Values, upstreams: Sequence[Array]) -> bool:
        applied = self.applied(values)
        before = _generators()
        applied.backward_as_handed(self.handed(applied, upstreams))
        return _generators() != before

    def _with_gradient(self, outputs: list[torch.Tensor]) -> list[torch.Tensor]:
        """Without those that the function marked as not differentiable."""
        if self._differentiable is None or len(self._differentiable) != len(outputs):
            return outputs
        return [o for o, kept in zip(outputs, self._differentiable, strict=True) if kept]

    def _leaves(self, applied: Applied) -> dict[str, int]:
        return {self.arguments.names[i]: i for i in applied.leaves}

    def _written(self, applied: Applied, position: int, value: Array) -> bool:
        """Whether the forward changed an input that it does not return as changed."""
        if applied.is_dirty(position):
            return False
        return not np.array_equal(to_array(applied.args[position]), value, equal_nan=True)

    def _gradients(self, raw: dict[str, object], applied: Applied) -> dict[str, Array | None]:
        found: dict[str, Array | None] = {}
        for name in self._leaves(applied):
            given = raw.get(name)
            found[name] = to_array(given) if isinstance(given, torch.Tensor) and not given.is_meta else None
        return found


def _generators() -> tuple[bytes, bytes]:
    """The states of the generators that a backward may draw from."""
    own: Any = np.random.get_state(legacy=False)
    return bytes(torch.get_rng_state().numpy()), repr((own["state"]["pos"], list(own["state"]["key"][:4]))).encode()


def _undeclared(name: str) -> Finding:
    return Finding(
        "GC153",
        "error",
        f"forward changes {name} in place and does not say so",
        gradient=f"d{name}",
        evidence=(f"{name} has other values after forward, and autograd takes it for what it was",),
        help=(f"work on a copy; or call ctx.mark_dirty({name}) and return {name}",),
    )


def _has_setup_context(function: Any) -> bool:
    return function.setup_context is not torch.autograd.Function.setup_context


def argument_names(function: Any, count: int) -> list[str]:
    """What the forward calls the first ``count`` arguments of ``apply``.

    Raises:
        GradcheckError: it takes fewer.
    """
    parameters = list(inspect.signature(function.forward).parameters.values())
    if not (parameters and parameters[0].kind is inspect.Parameter.VAR_POSITIONAL) and not _has_setup_context(function):
        parameters = parameters[1:]  # forward(*args) takes ctx among the rest
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
