"""One NumPy call in the trace: NumPy on the values, and where a variable is involved the rule on the tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradcheck.trace import branches
from gradcheck.trace.memory import ViewError
from gradcheck.trace.node import Node, is_view_of, values_of
from gradcheck.trace.rules import lookup
from gradcheck.trace.wengert.operations import entered
from gradcheck.trace.writes import store

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["apply", "constant", "nodes_in", "record", "tensors_of", "traced"]


def nodes_in(x: Any) -> Iterator[Node]:
    """The traced arrays in an argument, in lists, tuples and dicts too."""
    if isinstance(x, Node):
        yield x
    elif type(x) in (list, tuple):
        for item in x:
            yield from nodes_in(item)
    elif type(x) is dict:
        for item in x.values():
            yield from nodes_in(item)


def tensors_of(x: Any) -> Any:
    """``x`` with every traced array replaced by its tensor, inside lists, tuples and dicts too."""
    if isinstance(x, Node):
        return x._tensor()
    kind = type(x)
    if kind is list:
        return [tensors_of(item) for item in x]
    if kind is tuple:
        return tuple([tensors_of(item) for item in x])
    if kind is dict:
        return {key: tensors_of(item) for key, item in x.items()}
    return x


def is_floating(value: Any) -> bool:
    """Whether a value can carry a derivative: real or complex floating point."""
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return type(value) in (float, complex)  # 1j * np.float64(2.0) is Python's own complex, not NumPy's
    return dtype.kind in "fc"


def _is_opaque(value: Any) -> bool:
    """Whether there may be numbers in a value that the trace does not see: objects, text, records, a file."""
    dtype = getattr(value, "dtype", None)
    return value is None or isinstance(value, (tuple, list)) if dtype is None else dtype.kind in "OSUV"


def apply(
    trace: Trace,
    function: Any,
    args: tuple[Any, ...],
    kwargs: Mapping[str, Any],
    compute: Callable[..., Any] | None = None,
    name: str = "",
    rule: Callable[..., Any] | None = None,
) -> Any:
    """Call ``function`` (or ``compute`` in its place) on the values, and record its derivative by ``function``'s rule.

    Returns traced arrays for floating results, plain ones otherwise. Exceptions are NumPy's own.
    """
    nodes = [node for arg in args for node in nodes_in(arg)]
    if kwargs:
        nodes += nodes_in(dict(kwargs))
    values = [values_of(arg) for arg in args]
    named = {key: values_of(arg) for key, arg in kwargs.items()} if kwargs else kwargs
    result = (compute or function)(*values, **named)
    if not any(node._depends() for node in nodes):
        return constant(trace, result, nodes)
    return record(trace, function, name or function_name(function), args, kwargs, result, nodes, values, rule)


def function_name(function: Any) -> str:
    return getattr(function, "__name__", None) or type(function).__name__


def record(
    trace: Trace,
    function: Any,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    result: Any,
    nodes: Sequence[Node],
    values: Sequence[Any],
    rule: Callable[..., Any] | None = None,
    enters: bool = True,
) -> Any:
    """The traced form of ``result``, which ``function(*args, **kwargs)`` gave and which may depend on a variable.

    ``enters`` says whether the Wengert list is to be asked first.
    """
    branches.note(trace, function, values, kwargs, result)
    several = isinstance(result, (tuple, list))
    floating = any(is_floating(item) for item in result) if several else is_floating(result)
    if not floating:
        if any(_is_opaque(item) for item in (result if several else (result,))):
            trace.leak(f"{name} gives text, objects or files that the trace cannot follow")
        return constant(trace, result, nodes)
    if branches.is_step(function):
        # Constant between its jumps: the derivative is zero wherever there is one.
        return constant(trace, result, nodes)
    if type(result) is np.ndarray and result.base is not None and rule is None and lookup(function) is None:
        for node in nodes:
            if is_view_of(result, node) and result.dtype == node.value.dtype:
                # Whatever function gave it: a view's derivative follows from where its entries lie.
                return view_by_position(node, result)
    if enters and trace.enters and rule is None and any(node._light is not None for node in nodes):
        light = entered(trace.entries, function, args, kwargs, result)
        if light is not None:
            return trace.carried(result, light)
    shadow = derivative(trace, function, name, args, kwargs, result, values, rule)
    if shadow is None:
        return constant(trace, result, nodes)
    if not several:
        return traced(trace, result, shadow, nodes)
    items = [traced(trace, item, part, nodes) for item, part in zip(result, shadow, strict=True)]
    if hasattr(result, "_make"):
        return result._make(items)
    return items if isinstance(result, list) else tuple(items)


def derivative(
    trace: Trace,
    function: Any,
    name: str,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    result: Any,
    values: Sequence[Any],
    rule: Callable[..., Any] | None = None,
) -> Any:
    """The tensor (or list of tensors) for ``result`` by the rule of ``function``; None after a leak."""
    rule = rule or lookup(function)
    if rule is None:
        trace.leak(f"{name} has no PyTorch counterpart here")
        return None
    try:
        inputs = tuple([tensors_of(arg) for arg in args])
        named = {key: tensors_of(arg) for key, arg in kwargs.items()} if kwargs else {}
        found = rule(*inputs, **named)
        if isinstance(result, (tuple, list)):
            parts = list(found)
            if len(parts) != len(result):
                raise NotImplementedError(f"{len(parts)} results for {len(result)}")
            return [
                trace.accept(name, inputs, part, item) if is_floating(item) else None
                for part, item in zip(parts, result, strict=True)
            ]
        again: Callable[[], Any] | None = None
        if trace.verify:

            def again() -> Any:
                local = [_as_constants(trace, arg, value) for arg, value in zip(args, values, strict=True)]
                return rule(*local, **named)

        return trace.accept(name, inputs, found, result, again, rule, named)
    except Exception as error:
        # A rule that fails, for whatever reason, is a rule that is missing: said, never raised into the user's forward.
        trace.leak(_failed(name, error))
        return None


def _failed(name: str, error: Exception) -> str:
    if isinstance(error, ViewError):
        return f"{name} reads {error}"
    reason = f": {error}" if isinstance(error, NotImplementedError) and str(error) else ""
    return f"{name} has no PyTorch counterpart for these arguments{reason}"


def _as_constants(trace: Trace, arg: Any, value: Any) -> Any:
    if isinstance(arg, Node):
        return trace.constant_tensor(value)
    if type(arg) in (list, tuple):
        return [_as_constants(trace, item, part) for item, part in zip(arg, value, strict=True)]
    return arg


def traced(trace: Trace, value: Any, shadow: torch.Tensor | None, nodes: Sequence[Node]) -> Any:
    """A traced array for one result; a view of an input keeps sharing its memory."""
    if shadow is None:
        return constant(trace, value, nodes)
    for node in nodes:
        if value is node.value and node._is_array():  # changed in place, as by np.nan_to_num(x, copy=False)
            store(node, shadow)
            return node
    node = trace.wrap(value, shadow)
    if type(value) is np.ndarray and value.base is not None:
        _connect(node, value, nodes)
    return node


def view_by_position(node: Node, value: Any) -> Node:
    """A view of ``node``'s memory whose derivative is gathered from there when it is first asked for."""
    result = node._trace.wrap(value, None)
    result._share(node)
    result._version = -1
    return result


def constant(trace: Trace, value: Any, nodes: Sequence[Node] = ()) -> Any:
    """``value`` as a constant of the trace: floating arrays wrapped, so that later writes to them are seen."""
    if type(value) is np.ndarray:
        if value.dtype.kind not in "fc":
            return value
        for node in nodes:
            if value is node.value:
                store(node, None)
                return node
        node = trace.wrap(value, None)
        if value.base is not None:
            _connect(node, value, nodes)
        return node
    if type(value) in (tuple, list):
        return type(value)([constant(trace, item, nodes) for item in value])
    if isinstance(value, tuple) and hasattr(value, "_make"):
        return value._make([constant(trace, item, nodes) for item in value])
    return value


def _connect(node: Node, value: Any, nodes: Sequence[Node]) -> None:
    for other in nodes:
        if is_view_of(value, other):
            node._share(other)
            return
