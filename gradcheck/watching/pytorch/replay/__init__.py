"""One training step done again, operation by operation, from what was kept of it."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import nn

from gradcheck.watching.pytorch.replay.alone import Alone, Together, many
from gradcheck.watching.pytorch.replay.origins import Origins, Role, UserCalls, memory_key
from gradcheck.watching.pytorch.replay.state import untouched
from gradcheck.watching.pytorch.replay.tape import (
    Backward,
    Forward,
    FromForward,
    Modes,
    Outside,
    Result,
    Tape,
    leaves,
    mapped,
)

__all__ = ["Lost", "Replay", "bare", "bare_name"]


class Lost(Exception):  # noqa: N818  # it is no error of anybody's
    """Something that the step needed is gone; the message says what."""


class Replay:
    """Runs a tape again. Nothing of the user's is changed by it. Without ``forward`` the model's outputs are given.

    Attributes:
        origins: What was found.
        gradients: By parameter name, the gradients as they stood at the end.
        losses: What backward was called on, in order.
    """

    def __init__(self, model: nn.Module, tape: Tape, forward: bool = True) -> None:
        self.gradients: dict[str, torch.Tensor] = {}
        self.losses: list[torch.Tensor] = []
        self.remarks: dict[str, None] = {}
        self.failed = ""
        self._tape = tape
        self._with_forward = forward
        self.model = bare(model)
        self._compiled = any(hasattr(module, "_orig_mod") for module in (model, getattr(model, "module", None)))
        self._parameters = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        self._calls = UserCalls()
        self._results: dict[tuple[int, int], torch.Tensor] = {}
        self._copies: dict[int, torch.Tensor] = {}
        self._starts: dict[int, int] = {}
        self._known = _roles("buffer", self.model.named_buffers()) | _roles("parameter", self.model.named_parameters())
        self.origins = Origins(self._known, Replay._run.__code__, self._calls)

    def run(self, loss: Any = None) -> None:
        """Do everything again; ``loss`` is what a backward is just about to be called on, by reference.

        Raises:
            Lost: A result that is needed is gone.
            Together: It needs other processes.
        """
        with ExitStack() as stack:
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore")
            stack.enter_context(contextlib.redirect_stdout(io.StringIO()))
            if self._with_forward:
                stack.enter_context(untouched(self.model))
            if many():
                stack.enter_context(Alone())
            stack.enter_context(_layer_names(self.model, self.origins.layers))
            if self._compiled:
                self.remarks.setdefault("the compiled module was run again uncompiled")
            if hasattr(torch.compiler, "set_stance"):
                stack.enter_context(torch.compiler.set_stance("force_eager"))
            first = next((entry for entry in self._tape.entries.values() if isinstance(entry, Forward)), None)
            if first is not None and self._with_forward:
                first.kept.rewind_attributes()
                self._known |= _roles("buffer", self.model.named_buffers())
            self._run(loss)

    def _run(self, loss: Any) -> None:
        entries = self._tape.entries.items()
        last = max((key for key, entry in entries if isinstance(entry, Forward)), default=-1)
        last_backward = max((key for key, entry in entries if isinstance(entry, Backward)), default=-1)
        with self._calls, self.origins:
            for key, entry in entries:
                if self.origins.phase == "update" and key < last:
                    self.origins.phase = "forward"  # gradients are accumulated: this makes the next part of the batch
                elif self.origins.phase == "update" and (loss is not None or key < last_backward):
                    self.origins.phase = "loss"  # another one
                if isinstance(entry, Forward):
                    if self._with_forward:
                        self._forward(key, entry)
                elif isinstance(entry, Outside):
                    try:
                        self._outside(key, entry)
                    except Together:
                        raise
                    except Exception:  # it may be of no account; who needs its result finds it missing
                        self.remarks.setdefault("part of the step could not be done again")
                elif self._with_forward:
                    self._backward(entry)
            if loss is not None:
                self.losses.append(self._value(loss))

    def _forward(self, key: int, entry: Forward) -> None:
        self.origins.phase = "forward"
        self.origins.place = None
        args, kwargs = self._value(entry.args), self._value(entry.kwargs)
        for tensor in leaves((args, kwargs)):
            self._known.setdefault(id(tensor), ("input", ""))
        self.origins.enter(args, kwargs)
        if any(tensor._version != version for tensor, version in entry.versions):
            self.remarks.setdefault("an input of the model was changed in place after the model had used it")
        entry.kept.rewind_random()
        self._starts[key] = torch._C._autograd._get_sequence_nr()
        with _as_then(entry.modes):
            output = self.model(*args, **kwargs)
        self._calls.note(output)
        self._gave(key, output)
        self.origins.phase = "loss"

    def _outside(self, key: int, entry: Outside) -> None:
        self.origins.place = entry.place
        function = entry.function
        owner = getattr(function, "__self__", None)
        name = getattr(owner, "__name__", "") if getattr(function, "__name__", "") in ("__get__", "__set__") else ""
        if name in ("grad", "_grad"):
            self._gradient_attribute(key, function, entry)
            return
        args, kwargs = self._value(entry.args), self._value(entry.kwargs)
        if function is torch.autograd.grad:
            kwargs |= {"retain_graph": True}
        for generator, state in entry.random or ():
            generator.set_state(state)
        if _writes(function):
            args = self._protected(args)
        with _as_then(entry.modes):
            result = function(*args, **kwargs)
        self._gave(key, result)

    def _gave(self, key: int, result: Any) -> None:
        for position, tensor in enumerate(leaves(result)):
            self._results[key, position] = tensor

    def _backward(self, entry: Backward) -> None:
        origins = self.origins
        loss = self._value(entry.loss)
        self.losses.append(loss)
        if not loss.requires_grad:
            raise Lost("the loss comes from a calculation that could not be followed")
        given = self._value(entry.given)
        roots, upstream = (loss, *given.get("others", ())), given.get("gradient")
        if isinstance(upstream, torch.Tensor):
            upstream = (upstream,)
        origins.phase, origins.place = "backward", None
        create = bool(given.get("create_graph"))
        with torch.enable_grad():
            found = self._gradients(roots, upstream, create)
        for name, gradient in zip(self._parameters, found, strict=True):
            if gradient is not None:
                before = self.gradients.get(name)
                self.gradients[name] = gradient if before is None else before + gradient
        origins.phase = "update"

    def _gradients(self, roots: tuple[torch.Tensor, ...], upstream: Any, create: bool) -> list[torch.Tensor | None]:
        parameters = list(self._parameters.values())
        try:
            found = torch.autograd.grad(
                roots, parameters, upstream, retain_graph=True, create_graph=create, allow_unused=True
            )
            return list(found)
        except RuntimeError as error:
            hooked = many() or any(getattr(p, "_post_accumulate_grad_hooks", None) for p in parameters)
            if "use_reentrant" not in str(error) or hooked:
                raise
        # a checkpoint of the old kind wants a backward that fills .grad: what is there is set aside
        before = [p.grad for p in parameters]
        try:
            for p in parameters:
                p.grad = None
            torch.autograd.backward(roots, upstream, retain_graph=True, create_graph=create)
            return [p.grad for p in parameters]
        finally:
            for p, gradient in zip(parameters, before, strict=True):
                p.grad = gradient

    def _gradient_attribute(self, key: int, function: Callable[..., Any], entry: Outside) -> None:
        parameter = entry.args[0]
        name = next((n for n, p in self._parameters.items() if p is parameter), "")
        if not name:
            return
        if function.__name__ == "__get__":
            if name not in self.gradients:
                self.gradients[name] = torch.zeros(parameter.shape, dtype=parameter.dtype, device=parameter.device)
            self._results[key, 0] = self.gradients[name]
        elif entry.args[1] is None:
            self.gradients.pop(name, None)
        else:
            self.gradients[name] = self._value(entry.args[1])

    def _value(self, held: Any) -> Any:
        """What stands now where the tape has a reference."""
        if isinstance(held, Result):
            found = self._results.get((held.entry, held.position))
            return self._original(held) if found is None else found
        if isinstance(held, FromForward):
            start = self._starts.get(held.entry)
            found = None if start is None else self._calls.tensors.get((start + held.node, held.output))
            return self._original(held) if found is None else found
        if isinstance(held, torch.Tensor):
            return self._copies.get(id(held), held)
        return mapped(held, self._value) if isinstance(held, tuple | list | dict) else held

    def _original(self, reference: Result | FromForward) -> torch.Tensor:
        original = reference.original()
        if original is None:
            raise Lost("a tensor between the model's output and the loss was not kept")
        if self._with_forward:
            self.remarks.setdefault("part of the step could not be done again")
        return original.detach()

    def _protected(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """The arguments of a call that writes, with a copy of what is the user's own."""
        target = args[0] if args else None
        if isinstance(target, list | tuple):
            return (type(target)(self._protected((item,))[0] for item in target), *args[1:])
        if not isinstance(target, torch.Tensor) or any(target is own for own in self._results.values()):
            return args
        copy = target.detach().clone()
        if target.is_leaf and target.requires_grad:
            copy.requires_grad_()
        self._copies[id(target)] = copy
        return (copy, *args[1:])


def _roles(role: Role, tensors: Iterable[tuple[str, torch.Tensor]]) -> dict[int, tuple[Role, str]]:
    return {key: (role, name) for name, tensor in tensors for key in (id(tensor), memory_key(tensor))}


def bare(model: nn.Module) -> nn.Module:
    """The model inside what compiles or distributes it: it alone can be run again without the other processes."""
    while (inner := _inside(model)) is not None:
        model = inner[1]
    return model


def bare_name(name: str, model: nn.Module) -> str:
    """What a parameter of ``model`` is called in the bare one, whose name for it is taken as well."""
    own = dict(bare(model).named_parameters())
    while name not in own and (inner := _inside(model)) is not None:
        name, model = name.removeprefix(f"{inner[0]}."), inner[1]
    return name


def _inside(model: nn.Module) -> tuple[str, nn.Module] | None:
    compiled = getattr(model, "_orig_mod", None)
    if isinstance(compiled, nn.Module):
        return "_orig_mod", compiled
    if isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
        return "module", model.module
    return None


def _writes(function: Callable[..., Any]) -> bool:
    name = getattr(function, "__name__", "")
    return name == "__setitem__" or (name.endswith("_") and not name.endswith("__")) or name.startswith("__i")


@contextmanager
def _as_then(modes: Modes) -> Iterator[None]:
    recording, autocast = modes
    with ExitStack() as stack:
        stack.enter_context(torch.set_grad_enabled(recording))
        for kind, dtype in autocast:
            stack.enter_context(torch.autocast(kind, dtype=dtype))
        yield


@contextmanager
def _layer_names(model: nn.Module, path: list[str]) -> Iterator[None]:
    """Hold in ``path`` the names of the modules whose forward runs."""
    names = {id(module): name for name, module in model.named_modules()}

    def begins(module: nn.Module, _args: Any) -> None:
        path.append(names.get(id(module), ""))

    def ends(_module: nn.Module, _args: Any, _output: Any) -> None:
        path.pop()

    first = nn.modules.module.register_module_forward_pre_hook(begins)
    last = nn.modules.module.register_module_forward_hook(ends, always_call=True)
    try:
        yield
    finally:
        first.remove()
        last.remove()
