"""NumPy functions that are not universal functions: where ``__array_function__`` and the overlay lead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace import creation, inplace, ufuncs
from gradcheck.trace.dispatch import apply, nodes_in
from gradcheck.trace.node import Node, values_of
from gradcheck.trace.wengert.operations import called

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["call"]

# Functions for which a list is a list of arrays; for all others it is an array.
_OF_SEQUENCES = {
    np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack, np.block, np.select, np.choose,
    np.meshgrid, np.broadcast_arrays, np.einsum, np.ix_, np.linalg.multi_dot, np.piecewise, np.lexsort,
    getattr(np, "row_stack", np.vstack),
}  # fmt: skip


def call(trace: Trace, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """``function(*args, **kwargs)`` with traced arrays among the arguments; raises as NumPy does."""
    if trace.enters and len(args) == 1 and not kwargs and isinstance(args[0], Node):
        result = called(trace, function, args[0])
        if result is not NotImplemented:
            return result
    if isinstance(function, np.ufunc):
        return ufuncs.call(trace, function, "__call__", args[: function.nin], _with_out(function, args, kwargs))
    writer = inplace.WRITERS.get(function)
    if writer is not None:
        return writer(trace, *args, **kwargs)
    maker = creation.MAKERS.get(function)
    if maker is not None:
        return maker(trace, *args, **kwargs)
    if function not in _OF_SEQUENCES:
        args = tuple([trace.array(arg) if type(arg) in (list, tuple) else arg for arg in args])
        kwargs = {key: trace.array(arg) if type(arg) in (list, tuple) else arg for key, arg in kwargs.items()}
    out = kwargs.get("out")
    if out is None:
        return apply(trace, function, args, kwargs)
    return _into(trace, function, args, dict(kwargs), out)


def _with_out(ufunc: np.ufunc, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Mapping[str, Any]:
    """Outputs may stand after the inputs: ``np.add(a, b, out)``."""
    return {**kwargs, "out": args[ufunc.nin :]} if len(args) > ufunc.nin else kwargs


def _into(trace: Trace, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], out: Any) -> Any:
    del kwargs["out"]
    depends = any(node._depends() for node in nodes_in(list(args)))
    shadow = None
    if depends:
        result = apply(trace, function, args, kwargs)
        shadow = result._tensor() if isinstance(result, Node) and result._depends() else None
    function(*values_of(args), **values_of(kwargs), out=values_of(out))
    return inplace.overwritten(trace, out, shadow)
