"""Functions under watch: whoever calls them, the arrays they are given are followed."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

__all__ = ["Functions", "stand_in"]


def _template(*args: Any, **kwargs: Any) -> Any:
    call: Any = "the call"  # the constant is replaced by a callable
    return call(*args, **kwargs)


def stand_in(
    function: types.FunctionType, called: Callable[[types.FunctionType, tuple[Any, ...], dict[str, Any]], Any]
) -> types.FunctionType:
    """Have ``called(own, args, kwargs)`` answer for a function; ``own``, which is given back, is as it was."""
    code = function.__code__
    own = types.FunctionType(code, function.__globals__, function.__name__, function.__defaults__, function.__closure__)
    own.__kwdefaults__ = function.__kwdefaults__
    own.__qualname__ = function.__qualname__

    def call(*args: Any, **kwargs: Any) -> Any:
        return called(own, args, kwargs)

    frame = _template.__code__
    constants = tuple(call if constant == "the call" else constant for constant in frame.co_consts)
    function.__code__ = frame.replace(
        co_consts=constants, co_freevars=code.co_freevars, co_name=code.co_name, co_qualname=code.co_qualname
    )
    return own


class Functions:
    """Swaps the code of functions for one that changes the arguments and goes on with the function's own.

    The code, not a binding: a function may be held under many names, in closures and in frames, that cannot be found.
    """

    def __init__(self, changed: Callable[[Any], Any]) -> None:
        self._changed = changed
        self._swapped: list[tuple[types.FunctionType, types.CodeType, types.FunctionType]] = []

    def swap(self, function: types.FunctionType) -> None:
        """Change the arguments of a function from now on. Generators and coroutines are left alone."""
        code = function.__code__
        if any(function in (known, own) for known, _, own in self._swapped) or code.co_flags & (0x20 | 0x80 | 0x200):
            return
        change = self._changed
        own = stand_in(
            function,
            lambda own, args, kwargs: own(*map(change, args), **{key: change(arg) for key, arg in kwargs.items()}),
        )
        self._swapped.append((function, code, own))

    def own(self, root: object) -> object:
        """The function with the code that it had, which tells what it names; anything else is itself."""
        return next((own for known, _, own in self._swapped if known is root), root)

    def restore(self) -> None:
        """Give every function its code back."""
        while self._swapped:
            function, code, _ = self._swapped.pop()
            function.__code__ = code
