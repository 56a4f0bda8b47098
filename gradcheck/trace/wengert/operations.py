"""Which operations are entered in the list, and as what."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.node import Node, values_of
from gradcheck.trace.wengert.arrays import combined, dot, extreme, total
from gradcheck.trace.wengert.codes import Light, is_small
from gradcheck.trace.wengert.numbers import one, two
from gradcheck.trace.wengert.partial import of_one, of_two

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["binary", "called", "entered"]

_NUMBERS = (np.float64, float)


def binary(entries: Entries, ufunc: np.ufunc, a: Any, b: Any, result: Any) -> Light | None:
    """What carries ``ufunc(a, b)``, one of them at least having no tensor; None where PyTorch is to compute it."""
    if type(result) in _NUMBERS:
        rule = of_two(ufunc)
        return None if rule is None else two(entries, rule, a, b, result)
    if type(result) is np.ndarray and is_small(result):
        return combined(entries, ufunc, a, b, result)
    return None


def entered(
    entries: Entries, function: Any, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any
) -> Light | None:
    """What carries the result of a NumPy function; None where PyTorch is to compute it."""
    try:
        enter = _FUNCTIONS.get(function)
    except TypeError:  # unhashable
        return None
    if enter is not None:
        return enter(entries, args, kwargs, result) if type(result) is np.float64 else None
    if kwargs:
        return None
    if len(args) == 2:
        return binary(entries, function, args[0], args[1], result)
    rule = of_one(function) if len(args) == 1 else None
    if rule is None:
        return None
    if type(result) in _NUMBERS:
        return one(entries, rule, args[0], result)
    if function is np.negative and is_small(result):
        return combined(entries, np.multiply, args[0], -1.0, result)
    return None


def called(trace: Trace, function: Any, x: Node) -> Any:
    """``function(x)`` of what has no tensor, the short way; ``NotImplemented`` where the long way has to be gone."""
    compute = _ALONE.get(function) if type(function) in _HASHABLE else None
    if compute is None or not x._depends() or x._light is None:
        return NotImplemented
    value = compute(x.value)
    light = entered(trace.entries, function, (x,), {}, value)
    return NotImplemented if light is None else trace.carried(value, light)


def _of_all(args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The array that a function was called with alone, so that it takes all entries together."""
    if not args or len(args) > 2 or (len(args) == 2 and args[1] is not None):
        return None
    if any(key != "axis" or value is not None for key, value in kwargs.items()):
        return None
    x = args[0]
    return x if isinstance(x, Node) and type(x.value) is np.ndarray and x._light is not None else None


def _sum(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    x = _of_all(args, kwargs)
    return None if x is None else total(entries, x, 1.0, result)


def _mean(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    x = _of_all(args, kwargs)
    return None if x is None else total(entries, x, 1.0 / x.value.size, result)


def _largest(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    x = _of_all(args, kwargs)
    return None if x is None else extreme(entries, x, int(x.value.argmax()), result)


def _smallest(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    x = _of_all(args, kwargs)
    return None if x is None else extreme(entries, x, int(x.value.argmin()), result)


def _dot(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    if len(args) != 2 or kwargs or any(np.ndim(values_of(x)) != 1 for x in args):
        return None
    return dot(entries, args[0], args[1], result)


def _vdot(entries: Entries, args: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> int | None:
    if len(args) != 2 or kwargs or any(np.ndim(values_of(x)) == 0 for x in args):
        return None
    return dot(entries, args[0], args[1], result)


# Functions that choose nothing: there is no branch to be noted. NumPy's own sum is that reduction.
_ALONE: dict[Any, Callable[[Any], Any]] = {
    np.sum: lambda x: np.add.reduce(x, axis=None),
    np.mean: np.mean,
    np.exp: np.exp,
    np.log: np.log,
    np.sqrt: np.sqrt,
    np.square: np.square,
    np.tanh: np.tanh,
    np.sin: np.sin,
    np.cos: np.cos,
}
_HASHABLE = (type(np.sum), np.ufunc)
_FUNCTIONS: dict[Any, Callable[..., int | None]] = {
    np.sum: _sum,
    np.mean: _mean,
    np.max: _largest,
    np.amax: _largest,
    np.min: _smallest,
    np.amin: _smallest,
    np.dot: _dot,
    np.inner: _dot,
    np.matmul: _dot,
    np.vdot: _vdot,
}
