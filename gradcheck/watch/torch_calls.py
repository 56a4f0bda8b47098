"""The functional calls of a PyTorch program, as its own code makes them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from gradcheck.trace.sites import Site, is_users
from gradcheck.where import Where

__all__ = ["Call", "CallMode", "Place"]

# What a call that computes no tensor gives: shapes, dtypes, devices, numbers, names.
_NO_TENSOR = (bool, int, float, str, torch.Size, torch.dtype, torch.device, torch.layout)
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
        return Site(self.code, self.instruction, self.line).where


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
    that give None, which are in-place (``x[0] = 1``, ``p.grad = None``). Listeners may call PyTorch: they are not
    heard. A call inside a call (those that ``F.cross_entropy`` makes) is not told either.

    Attributes:
        before_backward: Called with (loss, further arguments by keyword) when ``Tensor.backward`` begins.
        after_backward: Called with the loss when it has ended.
    """

    def __init__(self) -> None:
        super().__init__()
        self.before_backward: list[Callable[[torch.Tensor, dict[str, Any]], None]] = []
        self.after_backward: list[Callable[[torch.Tensor], None]] = []
        self._listeners: tuple[Callable[[Call], None], ...] = ()

    def listen(self, listener: Callable[[Call], None]) -> None:
        """Tell ``listener`` of every call from now on. Added twice, it is told once."""
        if listener not in self._listeners:
            self._listeners = (*self._listeners, listener)

    def unlisten(self, listener: Callable[[Call], None]) -> None:
        """Tell ``listener`` no more; nothing happens where it did not listen."""
        self._listeners = tuple(other for other in self._listeners if other != listener)

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
        if func is _BACKWARD:
            return self._backward(args, kwargs or {})
        result = func(*args, **kwargs) if kwargs else func(*args)
        if self._listeners and not isinstance(result, _NO_TENSOR) and (result is not None or _writes(func)):
            frame = sys._getframe(1)
            call = Call(func, args, kwargs or {}, result, _place(frame), frame.f_code)
            for listener in self._listeners:
                listener(call)
        return result

    def _backward(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        names = ("gradient", "retain_graph", "create_graph", "inputs")
        given = {**dict(zip(names, args[1:], strict=False)), **kwargs}
        loss = given.pop("self", None) if not args else args[0]
        for begins in self.before_backward:
            begins(loss, given)
        result = _BACKWARD(*args, **kwargs)
        for ended in self.after_backward:
            ended(loss)
        return result


def _writes(function: Callable[..., Any]) -> bool:
    name = getattr(function, "__name__", "")
    return name in ("__setitem__", "__set__") or name.startswith("_foreach_")


def _place(frame: FrameType | None) -> Place | None:
    while frame is not None and not is_users(frame.f_code):
        frame = frame.f_back
    return None if frame is None else Place(frame.f_code, frame.f_lineno, frame.f_lasti)
