"""Functions that call the user's function or know no arrays: ``np.vectorize``, ``np.piecewise``, ``math.exp``."""

from __future__ import annotations

import functools
import itertools
import math
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradcheck.trace.dispatch import apply, constant, nodes_in
from gradcheck.trace.node import Node, values_of
from gradcheck.trace.rules import as_tensor
from gradcheck.trace.statistical import STATISTICS

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["CALLBACKS", "Vectorized"]


class Vectorized:
    """``np.vectorize(f)``: on traced arrays ``f`` is called with traced numbers."""

    def __init__(self, trace: Trace, function: np.vectorize) -> None:
        self._trace = trace
        self._function = function
        self.pyfunc = function.pyfunc
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace, function = self._trace, self._function
        args = tuple([trace.array(arg) for arg in args])
        depends = any(node._depends() for node in nodes_in([list(args), kwargs]))
        if not depends or kwargs or function.signature is not None or function.excluded:
            if depends:
                trace.leak("np.vectorize with keywords or a signature has no PyTorch counterpart here")
            return trace.adopt(function(*values_of(args), **values_of(kwargs)), ())
        shape = np.broadcast_shapes(*[np.shape(values_of(arg)) for arg in args])
        spread = [np.broadcast_to(arg, shape) if np.ndim(values_of(arg)) else arg for arg in args]
        results = [
            function.pyfunc(*[arg[index] if np.ndim(values_of(arg)) else arg for arg in spread])
            for index in np.ndindex(*shape)
        ]
        if results and isinstance(results[0], tuple):
            return tuple([self._joined(list(part), shape, i) for i, part in enumerate(zip(*results, strict=True))])
        return self._joined(results, shape, 0)

    def _joined(self, results: list[Any], shape: tuple[int, ...], number: int) -> Any:
        otypes = self._function.otypes
        # Without otypes NumPy takes the dtype of the first result for all of them.
        dtype = np.dtype(otypes[number]) if otypes else np.asarray(values_of(results[0])).dtype
        made = self._trace.array(results, dtype)
        if made is results:
            made = constant(self._trace, np.array(results, dtype))
        return np.reshape(made, shape)


def _apply_along_axis(
    trace: Trace, _function: Any, func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> Any:
    array = trace.array(arr)
    if not isinstance(array, Node):
        array = constant(trace, np.asarray(array))
    moved = np.moveaxis(array, axis, -1)
    outer = np.shape(values_of(moved))[:-1]
    results = [func1d(moved[index], *args, **kwargs) for index in np.ndindex(*outer)]
    made = trace.array(results)
    if made is results:
        made = constant(trace, np.array(results))
    inner = np.shape(values_of(made))[1:]
    made = np.reshape(made, (*outer, *inner))
    # The result's own axes stand where the one that was consumed stood.
    place = axis % len(np.shape(values_of(array)))
    return np.moveaxis(made, list(range(len(outer), len(outer) + len(inner))), list(range(place, place + len(inner))))


def _piecewise(trace: Trace, function: Any, x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Any:
    x = trace.array(x)
    if not isinstance(x, Node) or x.value.ndim == 0:
        return trace.adopt(function(values_of(x), values_of(condlist), funclist, *args, **kw), ())
    array: Any = x
    conditions = np.asarray(values_of(condlist), bool)
    if conditions.ndim == x.value.ndim:
        conditions = conditions[None]
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~conditions.any(axis=0, keepdims=True)])
    result = constant(trace, np.zeros_like(x.value))
    for condition, piece in zip(conditions, funclist, strict=True):
        result[condition] = piece(array[condition], *args, **kw) if callable(piece) else piece
    return result


def _fromiter(trace: Trace, function: Any, iter: Any, dtype: Any, count: int = -1, **kwargs: Any) -> Any:
    items = list(iter) if count < 0 else list(itertools.islice(iter, count))
    made = trace.array(items, dtype)
    return made if made is not items else trace.adopt(function(items, dtype, **kwargs), ())


_LIKE_NUMPY: dict[str, Any] = {
    "exp": np.exp, "exp2": np.exp2, "expm1": np.expm1, "log1p": np.log1p, "log2": np.log2, "log10": np.log10,
    "sqrt": np.sqrt, "cbrt": np.cbrt, "sin": np.sin, "cos": np.cos, "tan": np.tan, "asin": np.arcsin,
    "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh, "tanh": np.tanh,
    "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "fabs": np.fabs, "pow": np.power,
    "copysign": np.copysign, "fmod": np.fmod, "degrees": np.degrees, "radians": np.radians, "ldexp": np.ldexp,
}  # fmt: skip
_LIKE_TORCH: dict[str, Callable[..., torch.Tensor]] = {
    "erf": torch.erf,
    "erfc": torch.erfc,
    "lgamma": torch.lgamma,
    # Γ(x) has the sign of Γ in each unit interval: its size is exp(ln|Γ|).
    "gamma": lambda x: torch.exp(torch.lgamma(x)) * math.copysign(1.0, math.gamma(float(x.detach()))),
}
_DECISIONS = ("isnan", "isinf", "isfinite", "isclose")


def _number(x: Any) -> Any:
    """An array of one entry, as the number that math takes it for."""
    single = isinstance(x, Node) and x._is_array() and x.value.size == 1
    return np.reshape(x, ()) if single else x


def _of_numbers(rule: Any, name: str) -> Callable[..., Any]:
    def call(trace: Trace, function: Any, *args: Any) -> Any:
        if not any(isinstance(arg, Node) for arg in args):
            return function(*args)
        result = function(*values_of(args))  # its own errors, and its own opinion of arrays
        args = tuple([_number(arg) for arg in args])
        given = rule if isinstance(rule, np.ufunc) else None
        return apply(
            trace,
            given or function,
            args,
            {},
            compute=lambda *_: result,
            name=f"math.{name}",
            rule=None if given else rule,
        )

    return call


def _decision(trace: Trace, function: Any, *args: Any, **kwargs: Any) -> Any:
    result = function(*values_of(args), **kwargs)
    if any(node._depends() for node in nodes_in(list(args))):
        trace.branch(hash(result))
    return result


def _log(trace: Trace, function: Any, *args: Any) -> Any:
    result = function(*values_of(args))
    numbers = tuple([_number(arg) for arg in args])
    if not any(isinstance(number, Node) for number in numbers):
        return result

    def rule(x: Any, base: Any = math.e) -> torch.Tensor:
        like = next(each for each in (x, base) if isinstance(each, torch.Tensor))
        x, base = as_tensor(x, like), as_tensor(base, like)
        return torch.log(x) if len(numbers) == 1 else torch.log(x) / torch.log(base)

    return apply(trace, function, numbers, {}, compute=lambda *_: result, name="math.log", rule=rule)


def _hypot(trace: Trace, function: Any, *args: Any) -> Any:
    if not any(isinstance(arg, Node) for arg in args):
        return function(*args)
    squares: Any = functools.reduce(operator.add, [arg * arg for arg in args])
    return apply(trace, np.sqrt, (_number(squares),), {}, compute=math.sqrt, name="math.hypot")


def _frexp(trace: Trace, function: Any, x: Any) -> Any:
    mantissa, exponent = function(values_of(x))
    if not isinstance(x, Node):
        return mantissa, exponent
    if x._depends():
        trace.branch(hash(exponent))
    return x * 2.0**-exponent, exponent


def _modf(trace: Trace, function: Any, x: Any) -> Any:
    fraction, whole = function(values_of(x))
    if not isinstance(x, Node):
        return fraction, whole
    if x._depends():
        trace.branch(hash(whole))
    return x - whole, whole


def _dist(trace: Trace, function: Any, p: Any, q: Any) -> Any:
    if next(nodes_in([p, q]), None) is None:
        return function(p, q)
    return _hypot(trace, math.hypot, *[a - b for a, b in zip(p, q, strict=True)])


def _folded(fold: Callable[[Any, Any], Any], start: Any) -> Callable[..., Any]:
    def call(_trace: Trace, function: Any, numbers: Any, **kwargs: Any) -> Any:
        items = list(numbers)
        if not any(isinstance(item, Node) for item in items):
            return function(items, **kwargs)
        return functools.reduce(fold, items, kwargs.get("start", start))

    return call


CALLBACKS: dict[Any, Callable[..., Any]] = {
    np.apply_along_axis: _apply_along_axis,
    np.fromiter: _fromiter,
    np.frompyfunc: lambda trace, function, *args, **kwargs: trace.leaf(function(*args, **kwargs)),
    np.piecewise: _piecewise,
    math.log: _log,
    math.hypot: _hypot,
    math.dist: _dist,
    math.frexp: _frexp,
    math.modf: _modf,
    math.fsum: _folded(operator.add, 0.0),
    math.prod: _folded(operator.mul, 1),
    **STATISTICS,
}
for _name in (*_LIKE_NUMPY, *_LIKE_TORCH):
    if hasattr(math, _name):
        CALLBACKS[getattr(math, _name)] = _of_numbers(_LIKE_NUMPY.get(_name) or _LIKE_TORCH[_name], _name)
for _name in _DECISIONS:
    CALLBACKS[getattr(math, _name)] = _decision
