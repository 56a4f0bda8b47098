"""A step followed as it runs, where the one before could not be done again."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from gradcheck.watching.pytorch.calls import CallMode
from gradcheck.watching.pytorch.replay.origins import Origins, Role, memory_key
from gradcheck.watching.pytorch.replay.tape import leaves

__all__ = ["Live"]


class Live:
    """Follows the program's own operations from :meth:`start` to :meth:`stop`; found is what a replay finds."""

    def __init__(self, model: nn.Module, calls: CallMode) -> None:
        self.model = model
        self.losses: list[torch.Tensor] = []
        self.remarks: dict[str, None] = {}
        self._calls = calls
        self._known: dict[int, tuple[Role, str]] = {}
        self.origins = Origins(self._known, CallMode._backward.__code__, calls)
        self._names = {id(module): name for name, module in model.named_modules()}
        self._handles: list[Any] = []

    def start(self) -> None:
        """Begin to follow."""
        for role, tensors in (("buffer", self.model.named_buffers()), ("parameter", self.model.named_parameters())):
            for name, tensor in tensors:
                self._known[id(tensor)] = self._known[memory_key(tensor)] = (role, name)  # type: ignore[assignment]  # a Role
        path = self.origins.layers
        hooks = nn.modules.module
        self._handles = [
            hooks.register_module_forward_pre_hook(lambda m, _: path.append(self._names.get(id(m), ""))),
            hooks.register_module_forward_hook(self._left, always_call=True),
        ]
        self._calls.follow_calls = True
        self.origins.__enter__()  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated

    def _left(self, _module: nn.Module, _args: Any, _output: Any) -> None:
        if self.origins.layers:
            self.origins.layers.pop()

    def forward_begins(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """The model is called."""
        for tensor in leaves([args, kwargs]):
            self._known.setdefault(id(tensor), ("input", ""))
        self.origins.enter(args, kwargs)
        self.origins.phase = "forward"

    def stop(self) -> None:
        """Follow no longer."""
        self.origins.__exit__(None, None, None)  # type: ignore[no-untyped-call]  # PyTorch's own is not annotated
        self._calls.follow_calls = False
        self._calls.now = None
        for handle in self._handles:
            handle.remove()
