"""A ``torch.nn.Module``: yours is what autograd makes of it, and numeric differences decide."""

from __future__ import annotations

import contextlib
import copy
import inspect
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.errors import GradcheckError
from gradcheck.layers.problem import Variable
from gradcheck.report import Leak, Where
from gradcheck.state import Randomness, seed_everything
from gradcheck.witnesses.cast_as import casting_as
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.subject import Array, Drawing, Gradient, Precision, Reference, Subject, Values, Yours
from gradcheck.witnesses.torch_arrays import (
    Arguments,
    flat_outputs,
    gradients_of,
    refuse_without_values,
    to_array,
    to_tensor,
)

__all__ = ["ModuleSubject", "submodule_calls"]


class ModuleSubject(Subject):
    """A copy of ``module`` run on ``arguments``: every parameter and floating-point input is a variable."""

    upstream = "any"
    witnesses = "two"
    repeatable = False  # autograd keeps no state between calls: there is nothing to call again for

    def __init__(
        self,
        module: torch.nn.Module,
        arguments: Sequence[object],
        keywords: Mapping[str, object],
        *,
        seed: int,
        dtype: np.dtype[Any] | None,
        wrt: Sequence[str] | None,
        constants: Sequence[str],
        name: str = "",
    ) -> None:
        self._randomness = Randomness()
        self.seed, self.dtype = seed, dtype
        for n, tensor in (*module.named_parameters(), *module.named_buffers()):
            refuse_without_values(n, tensor)
        self.module = copy.deepcopy(module)  # running statistics, hooks' counters and the like stay the caller's
        if any(t.dtype == torch.bfloat16 for t in (*module.parameters(), *module.buffers())):
            self.module = self.module.float()  # as its inputs are: NumPy has no bfloat16
        self._copies: dict[torch.dtype, torch.nn.Module] = {}
        self._casts = False
        self.arguments = Arguments(arguments, _input_names(module, len(arguments)), keywords)
        self.variables = self.arguments.variables(wrt, constants, lambda n: f"{n}.grad")
        taken = {v.name for v in self.variables}
        for n, p in module.named_parameters():
            label = n if n not in taken else f"parameter {n}"
            reason = "" if p.requires_grad else "requires_grad is False"
            reason = reason or ("declared constant" if n in constants else "")
            reason = reason or ("not named in wrt" if wrt is not None and n not in wrt else "")
            halved = p.dtype == torch.bfloat16
            self.variables.append(
                Variable(label, to_array(p), "parameter", f"{n}.grad", not reason, reason, is_bfloat16=halved)
            )
        known = [v.name for v in self.variables]
        for argument, given in (("wrt", wrt or ()), ("constants", constants)):
            for n in given:
                if n not in known:
                    raise GradcheckError(f"{argument}: there is no array {n!r}; there are {', '.join(known)}")
        self.name = name or type(module).__name__
        self.style = "torch.nn.Module: autograd through its forward, against numerical differences"
        self.notes: list[str] = []
        self._given = module
        self.counts = {"forward": 0, "backward": 0, "traced": 0}

    def values(self) -> dict[str, Array]:
        return {v.name: v.array.astype(self.dtype or v.array.dtype) for v in self.wanted()}

    def restore(self) -> None:
        self._randomness.restore()

    def forward(self, values: Values, spare: Collection[str] = ()) -> list[Array]:  # noqa: ARG002  # all are copied
        self.counts["forward"] += 1
        with torch.no_grad():
            return [to_array(o) for o in self._run(values, requires_grad=False)[0]]

    def yours(self, values: Values, upstreams: Sequence[Array] | Drawing) -> Yours:
        self.counts["forward"] += 1
        self.counts["backward"] += 1
        drawn: list[Array] = []

        def draw(outputs: list[Array]) -> list[Array]:
            drawn.extend(upstreams(outputs) if callable(upstreams) else upstreams)
            return drawn

        outputs, gradients = self._differentiated(values, draw)
        given: dict[str, Array | None] = dict(gradients)
        return Yours(outputs, given, dict(gradients), upstreams=drawn)

    def sequence(self, steps: Sequence[tuple[Values, Sequence[Sequence[Array]]]]) -> list[list[Gradient]]:
        del steps
        return []

    def autograd(self, values: Values, upstreams: Sequence[Array], precision: Precision = "float64") -> Reference:
        self.counts["traced"] += 1
        if precision == "float64":
            values = {n: v.astype(np.float64) for n, v in values.items()}
        try:
            outputs, gradients = self._differentiated(values, upstreams)
        except Exception as error:
            how = f"autograd fails: {type(error).__name__}: {str(error).splitlines()[0]}"
            return Reference([], None, [Leak(Where(type(self.module).__name__, 0), how)], failure=how)
        return Reference(outputs, gradients, branches=object())

    def in_own_dtypes(self, values: Values, upstreams: Sequence[Array]) -> Yours | None:
        if self.dtype is not None or not any(v.is_bfloat16 for v in self.variables):
            return None
        outputs, gradients = self._differentiated(values, upstreams, copy.deepcopy(self._given))
        return Yours(outputs, {**gradients}, {**gradients})

    def _differentiated(
        self, values: Values, upstreams: Sequence[Array] | Drawing, own: torch.nn.Module | None = None
    ) -> tuple[list[Array], dict[str, Array]]:
        with torch.enable_grad():
            with raising_in("forward") if callable(upstreams) else contextlib.nullcontext():
                outputs, leaves = self._run(values, requires_grad=True, own=own)
            if callable(upstreams):
                upstreams = upstreams([to_array(o) for o in outputs])
            gradients = gradients_of(leaves, outputs, upstreams)
        return [to_array(o) for o in outputs], gradients

    def _run(
        self, values: Values, requires_grad: bool, own: torch.nn.Module | None = None
    ) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
        seed_everything(self.seed)
        dtype = None if own else self._other_dtype(values)
        module = own or (self.module if dtype is None else self._copy_in(dtype))
        args, keywords, leaves = self.arguments.filled(values, dtype, requires_grad, own is not None)
        state: dict[str, torch.Tensor] = {n: b.clone() for n, b in module.named_buffers()}
        for n, p in module.named_parameters():
            label = n if n in values else f"parameter {n}"
            if label in values and label not in leaves:
                leaves[label] = to_tensor(values[label], p).to(p.dtype).requires_grad_(requires_grad)
                state[n] = leaves[label]
        throughout = None if own else self._throughout(dtype)
        return flat_outputs(self._called(module, state, args, keywords, throughout)), leaves

    def _called(
        self,
        module: torch.nn.Module,
        state: dict[str, torch.Tensor],
        args: list[Any],
        keywords: dict[str, Any],
        dtype: torch.dtype | None,
    ) -> object:
        """What the module gives, run in ``dtype`` where it is not its own: also where it casts on the way by itself."""
        if not self._casts or dtype is None:
            try:
                return torch.func.functional_call(module, state, tuple(args), keywords)
            except RuntimeError:  # dtypes that do not go together
                if dtype is None:
                    raise
        seed_everything(self.seed)
        with casting_as(dtype):
            found = torch.func.functional_call(module, state, tuple(args), keywords)
        self._casts = True
        return found

    def _throughout(self, dtype: torch.dtype | None) -> torch.dtype | None:
        return torch.float32 if dtype is None and any(v.is_bfloat16 for v in self.variables) else dtype

    def _other_dtype(self, values: Values) -> torch.dtype | None:
        """The dtype to run all in where the values are of another one than the arrays were given in; else None."""
        if any(v.dtype == np.float64 for v in values.values()):
            return torch.float64
        own = {v.name: v.array.dtype for v in self.wanted()}
        other = [v.dtype for n, v in values.items() if v.dtype.kind == "f" and v.dtype != own.get(n, v.dtype)]
        return torch.from_numpy(np.empty(0, max(other, key=lambda d: d.itemsize))).dtype if other else None

    def _copy_in(self, dtype: torch.dtype) -> torch.nn.Module:
        if dtype not in self._copies:
            self._copies[dtype] = copy.deepcopy(self.module).to(dtype)
        return self._copies[dtype]


def submodule_calls(
    module: torch.nn.Module, arguments: Sequence[object], keywords: Mapping[str, object], seed: int
) -> list[tuple[str, torch.nn.Module, tuple[object, ...]]]:
    """Each submodule that ran, with the positional inputs of its first call."""
    seed_everything(seed)
    twin = copy.deepcopy(module)
    originals = dict(module.named_modules())
    calls: dict[str, tuple[object, ...]] = {}

    def remember(name: str) -> Any:
        def hook(_: torch.nn.Module, args: tuple[object, ...]) -> None:
            calls.setdefault(name, tuple(a.detach().clone() if isinstance(a, torch.Tensor) else a for a in args))

        return hook

    for name, sub in twin.named_modules():
        if name:
            sub.register_forward_pre_hook(remember(name))
    args, kwargs, _ = Arguments(arguments, [str(i) for i in range(len(arguments))], keywords).filled(
        {}, None, False, own=True
    )
    with torch.no_grad():
        twin(*args, **kwargs)
    return [(name, originals[name], args) for name, args in calls.items()]


def _input_names(module: torch.nn.Module, count: int) -> list[str]:
    parameters = list(inspect.signature(module.forward).parameters.values())
    names: list[str] = []
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            names += [f"{p.name}{i}" for i in range(count - len(names))]
        elif p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD):
            names.append(p.name)
    if count > len(names):
        raise GradcheckError(
            f"{type(module).__name__}: {count} inputs given, its forward takes {len(names)}: {', '.join(names)}"
        )
    return names[:count]
