"""Something that is called instead of a module, for a time, and leaves no trace in copies of the module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

__all__ = ["Instead", "in_backward", "in_transform"]

_graph_task: Callable[[], int] = torch._C._current_graph_task_id
_SLOT = "_compiled_call_impl"

Handler = Callable[[Callable[..., Any], tuple[Any, ...], dict[str, Any]], Any]


class Instead:
    """Has ``handler(call, args, kwargs)`` called for each call of ``module``; ``call`` is what would have been called.

    It stands where ``module.compile()`` puts its result. ``nn.Module`` leaves that out of copies and pickles, the
    lists of hooks stay as they are (PyTorch's attention chooses its code by whether there are hooks), and a module
    that is called as usual pays nothing once this is removed.
    """

    def __init__(self, module: nn.Module, handler: Handler) -> None:
        self._module = module
        self._handler = handler
        self._before: Any = module.__dict__.get(_SLOT)
        module.__dict__[_SLOT] = self

    @property
    def compiled(self) -> bool:
        """Whether what would be called is compiled."""
        return self._before.compiled if isinstance(self._before, Instead) else self._before is not None

    def remove(self) -> None:
        """Let the module be called as before; what was put in the place meanwhile stays."""
        top = self._module.__dict__.get(_SLOT)
        if top is self:
            if self._before is None:
                del self._module.__dict__[_SLOT]
            else:
                self._module.__dict__[_SLOT] = self._before
            return
        # Another watch of this module began later: it is to call what this one called.
        while isinstance(top, Instead):
            if top._before is self:
                top._before = self._before
                return
            top = top._before

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        call = self._module._call_impl if self._before is None else self._before
        if torch.compiler.is_compiling():
            return call(*args, **kwargs)
        return self._handler(call, args, kwargs)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return None  # of a module that copies its attributes by itself

    def __reduce__(self) -> tuple[type, tuple[()]]:
        return type(None), ()


def in_backward() -> bool:
    """Whether this thread is inside of a backward."""
    return _graph_task() != -1


def in_transform() -> bool:
    """Whether a function runs that ``torch.func`` transforms: its tensors stand for others and have no values yet."""
    return torch._C._functorch.peek_interpreter_stack() is not None
