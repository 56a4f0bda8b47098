"""Putting a function mode aside and taking it up again, wherever in the program that happens."""

from __future__ import annotations

import torch
from torch._C import _len_torch_function_stack, _pop_torch_function_stack, _push_on_torch_function_stack
from torch.overrides import TorchFunctionMode

from gradcheck.watching.pytorch.calls import CallMode

__all__ = ["Listening"]


class Listening:
    """Has ``mode`` hear the program's calls, or not.

    The modes of a program form a stack, and leaving one removes the uppermost, whichever it is. A mode that comes and
    goes in the middle of the user's own ``with`` blocks therefore has its place under all of theirs, just above
    that of ``torch.set_default_device``, which insists on the lowest.
    """

    def __init__(self, mode: CallMode) -> None:
        self._mode = mode

    def enter(self) -> None:
        """Enter the mode, in its place."""
        self._mode.__enter__()
        self.end()
        self.begin()

    def leave(self) -> None:
        """Leave it for good."""
        self.end()
        _push_on_torch_function_stack(self._mode)  # leaving takes the uppermost off
        self._mode.__exit__(None, None, None)

    def begin(self) -> None:
        """Hear the calls from now on."""
        if _len_torch_function_stack() == 0:
            _push_on_torch_function_stack(self._mode)
            return
        above = _stack()
        if not any(mode is self._mode for mode in above):
            lowest = bool(above) and above[0] is getattr(torch._GLOBAL_DEVICE_CONTEXT, "device_context", None)
            above.insert(int(lowest), self._mode)
        _rebuild(above)

    def end(self) -> bool:
        """Hear no more; True where it was heard until now."""
        count = _len_torch_function_stack()
        if count == 0:
            return False
        if count == 1:  # as nearly always, and at every step
            only = _pop_torch_function_stack()
            if only is not self._mode:
                _push_on_torch_function_stack(only)
            return only is self._mode
        modes = _stack()
        _rebuild([mode for mode in modes if mode is not self._mode])
        return any(mode is self._mode for mode in modes)


def _stack() -> list[TorchFunctionMode]:
    """Take all modes off; the lowest first."""
    return [_pop_torch_function_stack() for _ in range(_len_torch_function_stack())][::-1]


def _rebuild(modes: list[TorchFunctionMode]) -> None:
    for mode in modes:
        _push_on_torch_function_stack(mode)
