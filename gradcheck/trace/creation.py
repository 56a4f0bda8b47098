"""Arrays made of traced values, and arrays made of nothing that traced values will be written to."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.casts import as_dtype, objects
from gradcheck.trace.dispatch import apply, constant, nodes_in, view_by_position
from gradcheck.trace.node import Node, values_of
from gradcheck.trace.rules import as_tensor

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["MAKERS", "array_of"]


def array_of(trace: Trace, nested: Any, dtype: Any = None, **kwargs: Any) -> Any:
    """``np.array(nested)`` where traced arrays stand in nested lists; ``nested`` itself where there are none."""
    if type(nested) not in (list, tuple) or next(nodes_in(nested), None) is None:
        return nested
    try:
        value = np.array(values_of(nested), dtype=dtype, **kwargs)
    except ValueError:  # ragged: whoever is given the list must know what to do with it
        return nested
    if not any(node._depends() for node in nodes_in(nested)) or value.dtype.kind in "biu":
        return constant(trace, value)
    if value.dtype.kind == "O":
        return objects(nested, value.shape)
    if value.dtype.kind not in "fc":
        trace.leak(f"an array of {value.dtype} was made of traced arrays")
        return value
    if trace.enters and value.dtype == np.float64 and _are_several(nodes_in(nested)):
        entered = _of_entries(trace, nested, value)
        if entered is not None:
            return entered
    shadow = as_tensor(_tensors(nested))
    accepted = trace.accept("array", (shadow,), shadow, value)
    return constant(trace, value) if accepted is None else trace.wrap(value, accepted)


def _are_several(nodes: Iterator[Node]) -> bool:
    return next(nodes, None) is not None and next(nodes, None) is not None


def _of_entries(trace: Trace, nested: Any, value: Any) -> Node | None:
    """The array of numbers that have no tensors, and constants; None where there is anything else."""
    numbers = array("q")  # machine numbers: a loop may have made many
    for x in _numbers_in(nested):
        light = x._light if isinstance(x, Node) and x._depends() else None
        if type(light) is int:
            numbers.append(trace.entries.number(light))
        elif isinstance(x, np.ndarray) or (isinstance(x, Node) and x._depends()):
            return None
        else:
            numbers.append(-1)
    made = trace.wrap(value, None)
    memory = made._own_memory()
    places, found = made._place(memory).reshape(-1), np.frombuffer(numbers, np.int64)
    varies = found >= 0
    memory.write_entries(*((places, found) if varies.all() else (places[varies], found[varies])))
    return made


def _numbers_in(nested: Any) -> Iterator[Any]:
    for x in nested:
        if type(x) in (list, tuple):
            yield from _numbers_in(x)
        else:
            yield x


def _tensors(nested: Any) -> Any:
    if isinstance(nested, Node):
        return nested._tensor()
    if isinstance(nested, (list, tuple)):
        return [_tensors(item) for item in nested]
    return nested


def _array(
    trace: Trace, object: Any, dtype: Any = None, *, copy: Any = True, order: Any = "K", ndmin: int = 0, **kwargs: Any
) -> Any:
    del kwargs  # subok, like: a traced array is neither a subclass nor foreign
    if not isinstance(object, Node):
        made = array_of(trace, object, dtype, ndmin=ndmin)
        return made if made is not object else constant(trace, np.array(object, dtype=dtype, ndmin=ndmin))
    if not object._is_array():
        result = _as_array(trace, object)
        result = as_dtype(result, dtype)
    elif copy:
        cast = as_dtype(object, dtype)
        result = cast if cast is not object else _copied(trace, object, order)
    else:
        result = as_dtype(object, dtype)
    missing = ndmin - np.ndim(values_of(result))
    return result[(None,) * missing] if missing > 0 else result


def _copied(trace: Trace, node: Node, order: Any) -> Any:
    return apply(trace, np.copy, (node,), {}, compute=lambda value: np.array(value, order=order, copy=True))


def _as_array(trace: Trace, number: Node) -> Any:
    """A traced number as an array without axes."""
    return apply(trace, np.copy, (number,), {}, compute=lambda value: np.array(value))


def _asarray(trace: Trace, a: Any, dtype: Any = None, order: Any = None, *, copy: Any = None, **kwargs: Any) -> Any:
    del kwargs
    if not isinstance(a, Node):
        made = array_of(trace, a, dtype)
        return made if made is not a else constant(trace, np.asarray(a, dtype, order))
    if not a._is_array():
        a = _as_array(trace, a)
    elif copy:
        a = _copied(trace, a, order or "K")
    result = as_dtype(a, dtype)
    if order not in (None, "K", "A") and isinstance(result, Node):
        wanted = np.asarray(result.value, order=order)
        if wanted is not result.value:
            return apply(trace, np.copy, (result,), {}, compute=lambda _: wanted)
    return result


def _contiguous(order: str) -> Callable[..., Any]:
    def make(trace: Trace, a: Any, dtype: Any = None, **kwargs: Any) -> Any:
        result = _asarray(trace, a, dtype, order, **kwargs)
        return result if np.ndim(values_of(result)) else np.reshape(result, (1,))

    return make


def _like(function: Callable[..., Any]) -> Callable[..., Any]:
    def make(trace: Trace, *args: Any, **kwargs: Any) -> Any:
        return constant(trace, function(*values_of(args), **values_of(kwargs)))

    return make


def _by_strides(function: Callable[..., Any]) -> Callable[..., Any]:
    """Views whose derivative follows from where their entries lie in memory."""

    def make(trace: Trace, x: Any, *args: Any, **kwargs: Any) -> Any:
        if not isinstance(x, Node):
            return constant(trace, function(trace.array(x), *args, **kwargs))
        value = function(x.value, *values_of(args), **values_of(kwargs))
        if value.dtype.kind not in "fc":
            return value
        return view_by_position(x, value)

    return make


MAKERS: dict[Any, Callable[..., Any]] = {
    np.array: _array,
    np.asarray: _asarray,
    np.asanyarray: _asarray,
    np.asarray_chkfinite: _asarray,
    np.ascontiguousarray: _contiguous("C"),
    np.asfortranarray: _contiguous("F"),
    np.zeros_like: _like(np.zeros_like),
    np.ones_like: _like(np.ones_like),
    np.empty_like: _like(np.empty_like),
    np.lib.stride_tricks.as_strided: _by_strides(np.lib.stride_tricks.as_strided),
    np.lib.stride_tricks.sliding_window_view: _by_strides(np.lib.stride_tricks.sliding_window_view),
}
