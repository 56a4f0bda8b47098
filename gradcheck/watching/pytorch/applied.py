"""The calls of the user's own ``autograd.Function``, which no TorchFunctionMode sees."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

__all__ = ["functions_heard"]

Apply = Callable[..., Any]


@contextmanager
def functions_heard(call: Callable[[Apply, Apply, tuple[Any, ...], dict[str, Any]], Any]) -> Iterator[None]:
    """Let ``call(apply, original, args, kwargs)`` make the calls of ``Function.apply`` while the block runs.

    ``apply`` is what the user called, to be remembered; ``original(*args, **kwargs)`` makes the call.
    """
    apply = vars(torch.autograd.Function)["apply"]

    @functools.wraps(apply.__func__)
    def heard(cls: Any, *args: Any, **kwargs: Any) -> Any:
        original = functools.partial(apply.__func__, cls)
        if torch.compiler.is_compiling():
            return original(*args, **kwargs)
        return call(cls.apply, original, args, kwargs)

    torch.autograd.Function.apply = classmethod(heard)  # type: ignore[method-assign,assignment]  # put back below
    try:
        yield
    finally:
        torch.autograd.Function.apply = apply  # type: ignore[method-assign]  # as it was
