"""Random functions that move the entries of a traced array about."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.node import Node, values_of
from gradcheck.trace.writes import assign

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["RANDOM", "is_random_source"]


def is_random_source(x: Any) -> bool:
    """Whether ``x`` is one of NumPy's random generators (the functions of ``np.random`` are methods of one)."""
    return isinstance(x, (np.random.RandomState, np.random.Generator))


def _shuffle(_trace: Trace, draw: Any, x: Any, *args: Any, **kwargs: Any) -> None:
    if not isinstance(x, Node):
        draw(x, *args, **kwargs)
        return
    axis = args[0] if args else kwargs.get("axis", 0)
    order = np.arange(x.value.shape[axis])
    draw(order)  # draws what it would draw for the array itself
    assign(x, Ellipsis, np.take(x, order, axis))  # type: ignore[call-overload]  # a traced array


def _permutation(trace: Trace, draw: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
    if not isinstance(x, Node) or not x._is_array():
        return trace.adopt(draw(values_of(x), *args, **kwargs), ())
    axis = args[0] if args else kwargs.get("axis", 0)
    return np.take(x, draw(x.value.shape[axis]), axis)  # type: ignore[call-overload]  # a traced array


def _choice(trace: Trace, draw: Any, a: Any, *args: Any, **kwargs: Any) -> Any:
    args, kwargs = values_of(args), values_of(kwargs)
    if not isinstance(a, Node) or not a._is_array():
        return trace.adopt(draw(values_of(a), *args, **kwargs), ())
    axis = kwargs.pop("axis", 0)
    return np.take(a, draw(a.value.shape[axis], *args, **kwargs), axis)  # type: ignore[call-overload]  # a traced array


RANDOM: dict[str, Callable[..., Any]] = {"shuffle": _shuffle, "permutation": _permutation, "choice": _choice}
