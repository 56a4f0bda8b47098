"""An optimizer that is given a closure: forward and backward run inside of its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["with_end"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def with_end(given: tuple[Any, ...], ends: Callable[[], object]) -> Arguments | None:
    """The arguments of ``optimizer.step``, ``given`` as (args, kwargs), with ``ends`` called after each closure call.

    None where there is no closure. When it has returned, the gradients are complete and the weights have not moved yet.
    """
    if len(given) != 2:
        return None
    args, kwargs = given  # the optimizer itself comes first
    closure = kwargs.get("closure", args[1] if len(args) > 1 else None)
    if not callable(closure):
        return None

    def closure_and_then(*arguments: Any, **keywords: Any) -> Any:
        __tracebackhide__ = True
        result = closure(*arguments, **keywords)
        ends()
        return result

    if "closure" in kwargs:
        return args, {**kwargs, "closure": closure_and_then}
    return (args[0], closure_and_then, *args[2:]), kwargs
