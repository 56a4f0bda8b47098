"""Every ``apply`` of a custom Function is seen while a model runs, whoever calls it and under whatever name.

``torch.autograd.Function.apply`` ends in the ``apply`` of its base class, looked up anew at each call: there it is
replaced for the time of the run. So a name that was bound early (``relu = MyReLU.apply``) is seen as well, and so is
what a checkpoint computes again during the backward.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch

from gradcheck.applied.kinds import kind_of
from gradcheck.applied.places import placed
from gradcheck.applied.record import OPERATOR, Call, Group
from gradcheck.applied.transformed import one_sample
from gradcheck.state import Randomness

__all__ = ["Recorder"]

_BASE: Any = torch.autograd.Function.__mro__[1]
_HOME: Any = sys.modules[torch.autograd.Function.__module__]
_OURS = ("torch", "gradcheck")


class Recorder:
    """The calls of custom Functions in ``model``, in groups, in the order in which they were first made."""

    def __init__(self, model: torch.nn.Module, seed: int = 0) -> None:
        self._seed = seed
        root = type(getattr(model, "_orig_mod", model)).__name__  # torch.compile wraps what it was given
        named = {id(module): path for path, module in reversed(list(model.named_modules()))}
        self.paths = {i: _without_wrappers(path) or root for i, path in named.items()}
        self.root = root
        self.groups: dict[tuple[Any, ...], Group] = {}
        self.without_gradient: dict[str, int] = {}
        """Calls that record nothing: under ``no_grad``, or with no input that requires a gradient."""
        self.transformed: dict[str, int] = {}
        """Calls inside torch.vmap and the like, of which one sample is kept: they go another way."""
        self.entered: list[Call] = []
        """The calls whose backward was begun, in this order."""
        self.phase = "forward"
        self.loss: float | None = None
        """The model's loss, where there is one."""
        self._left_out_at: dict[Any, list[str]] = {}
        """By Function and line, the paths of the calls under ``no_grad`` that no later one was seen to repeat."""
        self._numbers: dict[tuple[bool, str, str], int] = {}
        self._thread = threading.get_ident()

    def _counted(self, path: str, function: Any) -> int:
        key = self.phase == "backward", path, function.__qualname__
        self._numbers[key] = self._numbers.get(key, 0) + 1
        return self._numbers[key]

    @contextmanager
    def listening(self) -> Iterator[None]:
        """See every call while the block runs."""
        recorder = self

        def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
            plain = super(_BASE, cls).apply  # type: ignore[misc]  # defined in C
            return recorder._seen(cls, plain, args, kwargs)

        def transformed(cls: Any, *args: Any, **kwargs: Any) -> Any:
            if cls.__module__.partition(".")[0] not in _OURS:
                recorder._seen_transformed(cls, args)
            return elsewhere(cls, *args, **kwargs)  # type: ignore[misc]  # not None: it is only called where it was

        before = vars(_BASE).get("apply")
        elsewhere = getattr(_HOME, "custom_function_call", None)
        _BASE.apply = classmethod(apply)
        if elsewhere is not None:
            _HOME.custom_function_call = transformed
        try:
            yield
        finally:
            if elsewhere is not None:
                _HOME.custom_function_call = elsewhere
            if before is None:
                del _BASE.apply
            else:
                _BASE.apply = before

    def _seen(self, function: Any, plain: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if function.__module__.partition(".")[0] in _OURS and not function.__name__.startswith(OPERATOR):
            return plain(*args, **kwargs)  # PyTorch's own: checkpoints, hooks of modules, communication
        path, where = placed(self.paths)
        needs = tuple(isinstance(a, torch.Tensor) and a.requires_grad for a in args)
        differentiated = torch.is_grad_enabled() and any(needs)
        line = None if where is None else (where.file, where.line)
        left_out = self._left_out_at.setdefault((function, line), [])
        if path is None and self.phase == "backward" and differentiated and left_out:
            path = left_out.pop()  # a checkpoint runs again what it ran under no_grad: the last comes first
        if path is None:
            if threading.get_ident() != self._thread or self.phase == "backward":
                return plain(*args, **kwargs)  # another model's, on another thread; or part of a Function's backward
            path = self.phase if self.phase == "loss" else self.root
        if not differentiated:
            left_out.append(path)
            self._left_out(f"{path}: {function.__name__}")
            return plain(*args, **kwargs)
        kind = (function.__module__, function.__qualname__, tuple(map(kind_of, args)))
        key = path, line, kind
        group = self.groups.setdefault(key, Group(kind, self._seed))
        call = Call(
            function,
            path,
            where,
            tuple(_copy(a) for a in args),
            needs,
            self._counted(path, function),
            self.phase == "backward",
            Randomness(),
            torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"),
        )
        made = plain(*args, **kwargs)
        outputs = [o for o in (made if isinstance(made, tuple | list) else (made,)) if isinstance(o, torch.Tensor)]
        call.differentiable = tuple(o.is_floating_point() and o.requires_grad for o in outputs)
        if any(call.differentiable):
            group.add(call)
            self._follow(call, group, outputs)
        else:  # indices, or what was marked as not differentiable
            self._left_out(call.name)
            if not group.calls():
                del self.groups[key]
        return made

    def _seen_transformed(self, function: Any, args: tuple[Any, ...]) -> None:
        """Keep one sample of a call inside a transform, to be examined outside of it."""
        path, where = placed(self.paths)
        if path is None:
            if threading.get_ident() != self._thread or self.phase == "backward":
                return
            path = self.phase if self.phase == "loss" else self.root
        unseen = ""
        try:
            sample, needs = one_sample(args)
        except Exception as error:  # whatever a transform may make of a tensor
            sample, needs = (), ()
            unseen = f"it runs inside torch.vmap or torch.func, and no sample of it can be taken out: {error}"
        title = f"{path}: {function.__name__}"
        if not unseen and not (torch.is_grad_enabled() and any(needs)):
            self._left_out(title)
            return
        self.transformed[title] = self.transformed.get(title, 0) + 1
        kind = (function.__module__, function.__qualname__, "transformed", tuple(map(kind_of, sample)))
        line = None if where is None else (where.file, where.line)
        group = self.groups.setdefault((path, line, kind), Group(kind, self._seed))
        number = self._counted(path, function)
        again = self.phase == "backward"
        group.add(
            Call(function, path, where, sample, needs, number, again, Randomness(), autocast=False, unseen=unseen)
        )

    def _left_out(self, name: str) -> None:
        self.without_gradient[name] = self.without_gradient.get(name, 0) + 1

    def raised_in(self) -> Call | None:
        """The call whose backward was begun last and did not end."""
        return next((call for call in reversed(self.entered) if call.returned is None), None)

    def _follow(self, call: Call, group: Group, outputs: Sequence[torch.Tensor]) -> None:
        """Hook into the node of the graph, to see what the engine hands to the backward and what it takes from it."""
        node: Any = next((o.grad_fn for o in outputs if o.requires_grad and o.grad_fn is not None), None)
        if node is None or getattr(node, "_forward_cls", None) is not call.function:
            return

        def before(handed: Any) -> None:
            self.entered.append(call)
            # the engine records what a backward does only where somebody is to differentiate it
            call.twice |= torch.is_grad_enabled()
            if call.upstreams is None and call in group.calls():
                call.upstreams = tuple(None if g is None else g.detach().clone() for g in handed)

        def after(returned: Any, _: Any) -> None:
            if call.returned is None and call in group.calls():
                call.returned = tuple(None if g is None else g.detach().clone() for g in returned)

        node.register_prehook(before)
        node.register_hook(after)


def _without_wrappers(path: str) -> str:
    return ".".join(part for part in path.split(".") if part != "_orig_mod")


def _copy(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value
