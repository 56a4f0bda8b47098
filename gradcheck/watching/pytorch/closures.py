"""An optimizer that is given a closure: forward and backward run inside of its step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["with_end"]

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


def with_end(
    given: tuple[Any, ...], ends: Callable[[], object], when: Callable[[], bool] = lambda: True
) -> Arguments | None:
    """The arguments of ``optimizer.step``, ``given`` as (args, kwargs), with ``ends`` called after each closure call.

    It is called only ``when`` that is true. The gradients are complete then, and the weights have not moved yet. None
    where there is no closure.
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
        if when():
            ends()
        return result

    if "closure" in kwargs:
        return args, {**kwargs, "closure": closure_and_then}
    return (args[0], closure_and_then, *args[2:]), kwargs
