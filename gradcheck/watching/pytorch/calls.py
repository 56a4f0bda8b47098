"""The functional calls of a PyTorch program, as its own code makes them."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode

from gradcheck.trace.sites import Site, user_frame
from gradcheck.watching import warned
from gradcheck.watching.pytorch.applied import functions_heard
from gradcheck.watching.pytorch.drawing import draws
from gradcheck.watching.pytorch.instead import in_transform
from gradcheck.where import Where

__all__ = ["Call", "CallMode", "Place"]

_TENSORS = (torch.Tensor, tuple, list)
_HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SAME = {"self": "loss", "tensors": "loss", "grad_tensors": "gradient"}
_BACKWARD: Callable[..., Any] = torch.Tensor.backward


@dataclass(slots=True)
class Place:
    """A line of the user's, held without its frame."""

    code: CodeType
    line: int
    instruction: int

    @property
    def where(self) -> Where:
        """The place as the report shows it."""
        return _where(self.code, self.instruction, self.line)


@dataclass(slots=True)
class Call:
    """One finished call. ``function`` is what the program called (``F.relu``, ``Tensor.add``, ``Tensor.grad.__set__``).

    ``caller`` is the code that made the call: a library's own where the user's line is further out.
    """

    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    place: Place | None
    caller: CodeType


class CallMode(TorchFunctionMode):
    """Entered for the whole time of a watch. It passes every call on; listeners hear of it afterwards.

    With no listener a call costs about 1 µs more. Calls that give no tensor (``x.shape``) are not told, except those
    that write (``x[0] = 1``, ``p.grad = None``). Listeners may call PyTorch: they are not
    heard. A call inside a call (those that ``F.cross_entropy`` makes) is not told either.

    Attributes:
        before_backward: Called with (loss, further arguments by keyword) when ``Tensor.backward`` or
            ``torch.autograd.backward`` begins. ``others`` are the further roots of the latter.
        after_backward: Called with the loss when it has ended.
        before_drawing: Called before a call that may draw random numbers.
        passed_over: Nobody is told of the calls that this code makes.
        only: The functions of which is told, where others interest nobody: inside of the model's forward.
        follow_calls: Hold the call that runs in ``now``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before_backward: list[Callable[[torch.Tensor, dict[str, Any]], None]] = []
        self.after_backward: list[Callable[[torch.Tensor], None]] = []
        self.before_drawing: list[Callable[[], None]] = []
        self.passed_over: CodeType | None = None
        self.only: Set[object] | None = None
        self.follow_calls = False
        self.now: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]] | None = None
        self._listeners: tuple[Callable[[Call], None], ...] = ()
        self._applying = False

    def listen(self, listener: Callable[[Call], None]) -> None:
        """Tell ``listener`` of every call from now on, before those that listen already."""
        self._listeners = (listener, *self._listeners)

    def __enter__(self) -> Self:
        """Begin to hear."""
        warned.begin()
        self._functions = functions_heard(self._applied)
        self._functions.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
        return self

    def __exit__(self, *error: Any) -> None:
        """Everything is as it was."""
        super().__exit__(*error)  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
        self._functions.__exit__(None, None, None)
        warned.end()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Tell nobody anything while the block runs."""
        listeners, before, after = self._listeners, self.before_backward, self.after_backward
        self._listeners, self.before_backward, self.after_backward = (), [], []
        try:
            yield
        finally:
            self._listeners, self.before_backward, self.after_backward = listeners, before, after

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Pass the call on."""
        if torch.compiler.is_compiling():
            return func(*args, **(kwargs or {}))
        if func is _BACKWARD or func is torch.autograd.backward:
            return self._backward(func, args, kwargs or {})
        if self.follow_calls:
            self.now = (func, args, kwargs or {})
        if self.only is not None and func not in self.only:
            return func(*args, **kwargs) if kwargs else func(*args)
        if self._listeners and draws(func):
            for begins in self.before_drawing:
                begins()
        result = func(*args, **kwargs) if kwargs else func(*args)
        if self._listeners and (_writes(func) if result is None else isinstance(result, _TENSORS)):
            frame = sys._getframe(1)
            if frame.f_code is not self.passed_over:
                self._tell(func, args, kwargs or {}, result, frame)
        return result

    def _tell(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], result: Any, frame: FrameType
    ) -> None:
        if frame.f_code.co_filename.startswith(_HOUSE) or in_transform():
            return
        call = Call(func, args, kwargs, result, _place(frame), frame.f_code)
        for listener in self._listeners:
            listener(call)

    def _applied(
        self, apply: Callable[..., Any], original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if self._applying or not self._listeners:
            return original(*args, **kwargs)
        listeners, self._listeners = self._listeners, ()
        self._applying = True  # what it calls inside is its own affair
        try:
            result = original(*args, **kwargs)
        finally:
            self._listeners = listeners
            self._applying = False
        self._tell(apply, args, kwargs, result, sys._getframe(2))
        return result

    def _backward(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if func is _BACKWARD and len(args) == 1:  # its other arguments are passed on by keyword
            loss: torch.Tensor = args[0]
            given = {name: value for name, value in kwargs.items() if value is not None and value is not False}
        else:
            loss, given = _arguments(args, kwargs)
        for begins in self.before_backward:
            begins(loss, given)
        result = func(*args, **kwargs)
        for ended in self.after_backward:
            ended(loss)
        return result


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[torch.Tensor, dict[str, Any]]:
    """What a backward is called on, and the further arguments by keyword."""
    names = ("loss", "gradient", "retain_graph", "create_graph", "inputs")
    given = {_SAME.get(name, name): value for name, value in kwargs.items()} | dict(zip(names, args, strict=False))
    loss = given.pop("loss")
    if isinstance(loss, tuple | list):
        loss, *others = loss
        given["others"] = tuple(others)
    return loss, given


def _writes(function: Callable[..., Any]) -> bool:
    name = getattr(function, "__name__", "")
    return name in ("__setitem__", "__set__") or name.startswith(("_foreach_", "_amp_foreach_"))


@functools.lru_cache
def _where(code: CodeType, instruction: int, line: int) -> Where:
    return Site(code, instruction, line).where


def _place(frame: FrameType) -> Place | None:
    users = user_frame(frame)
    return None if users is None else Place(users.f_code, users.f_lineno, users.f_lasti)
