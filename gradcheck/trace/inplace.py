"""NumPy functions and methods that write into an array they are given."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gradcheck.trace import branches
from gradcheck.trace.memory import ViewError
from gradcheck.trace.node import Array, Node, values_of
from gradcheck.trace.rules import lookup
from gradcheck.trace.sites import current_operation
from gradcheck.trace.writes import assign, store, update

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["WRITERS", "at", "call_method", "overwritten"]


def overwritten(trace: Trace, out: Any, shadow: torch.Tensor | None) -> Any:
    """The array given as ``out=``, into which NumPy has written; ``shadow`` carries the derivative of all of it."""
    if isinstance(out, Node):
        store(out, shadow)
        return out
    if shadow is None:
        return out
    if type(out) is not np.ndarray or out.dtype.kind not in "fc":
        trace.leak("written into a plain array by out=")
        return out
    if not current_operation().endswith("="):
        # ``a += traced`` binds the name to what is returned here; after out=a the plain array is what is read next.
        trace.leak("written into a plain array by out=")
    node = trace.target(out)
    store(node, shadow)
    return node


def call_method(node: Node, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """``x.fill(v)``, ``x.sort()``, ``x.partition(k)``, ``x.put(indices, v)``."""
    trace = node._trace
    if name == "fill":
        assign(node, Ellipsis, *args, **kwargs)
    elif name == "put":
        _put(trace, node, *args, **kwargs)
    elif not node._depends() or not np.ndim(node.value):  # without axes there is nothing to sort: NumPy says so
        getattr(node.value, name)(*values_of(args), **values_of(kwargs))
        store(node, None)
    else:
        # Sorted by NumPy's own order, so that equal entries keep their places.
        order = getattr(np, f"arg{name}")
        axis = kwargs.get("axis", args[0] if name == "sort" and args else args[1] if len(args) > 1 else -1)
        if name == "sort":
            index = order(node.value, axis=axis, kind=kwargs.get("kind", "stable"))
        else:
            index = order(node.value, values_of(args[0] if args else kwargs["kth"]), axis=axis)
        trace.branch(branches.digest(index))
        shadow = torch.take_along_dim(node._tensor(), torch.from_numpy(index), axis)
        node.value[...] = np.take_along_axis(node.value, index, axis)
        store(node, shadow)


def at(trace: Trace, ufunc: np.ufunc, target: Any, indices: Any, operand: Any = None) -> None:
    """``ufunc.at(target, indices, operand)``: repeated indices are applied once for each time they occur."""
    operands = () if operand is None else (trace.array(operand),)
    indices = values_of(indices)
    depends = any(isinstance(each, Node) and each._depends() for each in (target, *operands))
    if depends and not isinstance(target, Node):
        trace.leak("stored into a plain array")
    if not depends or not isinstance(target, Node) or not target._is_array():
        ufunc.at(values_of(target), indices, *values_of(operands))
        if isinstance(target, Node):
            store(target, None)
        return
    memory = target._own_memory()
    try:
        positions = np.asarray(target._place(memory)[indices])
        shadow, where = _accumulated(trace, ufunc, target, positions, operands)
    except NotImplementedError as error:
        reason = "a view" if isinstance(error, ViewError) else str(error)
        trace.leak(f"np.{ufunc.__name__}.at has no PyTorch counterpart here: {reason}")
        shadow = None
        where = target._place(memory)
    ufunc.at(target.value, indices, *values_of(operands))
    update(target, where, shadow)


def _accumulated(
    trace: Trace, ufunc: np.ufunc, target: Node, positions: Array, operands: tuple[Any, ...]
) -> tuple[torch.Tensor, Array]:
    """The new tensor at each position that is written, and these positions."""
    where, slots = np.unique(positions, return_inverse=True)
    slots = slots.reshape(-1)
    memory = target._own_memory()
    values = memory.values()[where]
    current = memory.read(where, values, trace)
    if current is None:
        current = trace.constant_tensor(values)
    added = None
    if operands:
        operand = operands[0]
        added = operand._tensor() if isinstance(operand, Node) else trace.constant_tensor(operand)
        added = added.to(current.dtype).expand(positions.shape).reshape(-1)
    if added is not None and ufunc in (np.add, np.subtract):
        alpha = 1 if ufunc is np.add else -1
        return current.index_add(0, torch.from_numpy(slots), added, alpha=alpha), where
    rule = lookup(ufunc)
    if rule is None:
        raise NotImplementedError(ufunc.__name__)
    # The k-th round applies the k-th occurrence of every index.
    order = np.argsort(slots, kind="stable")
    rank = np.empty_like(slots)
    starts = np.searchsorted(slots[order], np.arange(where.size))
    rank[order] = np.arange(slots.size) - starts[slots[order]]
    for k in range(int(rank.max(initial=-1)) + 1):
        now = np.flatnonzero(rank == k)
        places = torch.from_numpy(slots[now])
        chosen = current.index_select(0, places)
        more = () if added is None else (added.index_select(0, torch.from_numpy(now)),)
        current = current.index_copy(0, places, rule(chosen, *more))
    return current, where


def _copyto(trace: Trace, dst: Any, src: Any, casting: Any = "same_kind", where: Any = True) -> None:
    src = trace.array(src)
    where = values_of(where)
    if not isinstance(dst, Node):
        if isinstance(src, Node) and src._depends():
            trace.leak("stored into a plain array")
        np.copyto(dst, values_of(src), casting=casting, where=where)
    elif where is True:
        assign(dst, Ellipsis, src)
    else:
        mask = np.broadcast_to(where, dst.value.shape)
        source: Any = src
        assign(dst, mask, np.broadcast_to(source, dst.value.shape)[mask])


def _put(trace: Trace, a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    v = trace.array(v)
    ind = values_of(ind)
    size = np.size(values_of(a))
    chosen = np.take(np.arange(size), np.asarray(ind).reshape(-1), mode=mode)  # type: ignore[call-overload]  # mode is a str here
    index = np.unravel_index(chosen, np.shape(values_of(a)))
    _put_at(trace, a, index, v, chosen.size, lambda: np.put(values_of(a), ind, values_of(v), mode=mode))  # type: ignore[arg-type]  # mode is a str here


def _put_at(trace: Trace, a: Any, index: Any, v: Any, count: int, plainly: Callable[[], None]) -> None:
    """Write the entries of ``v``, repeated as often as needed, to ``count`` places one after another."""
    if not isinstance(a, Node):
        if isinstance(v, Node) and v._depends():
            trace.leak("stored into a plain array")
        plainly()
        return
    if isinstance(v, Node):
        length = max(int(np.size(v.value)), 1)
        flat = _raveled(v)
        v = flat[np.arange(count) % length]
    elif count:
        v = np.resize(np.asarray(v).reshape(-1), count)
    if count:
        assign(a, index, v)


def _raveled(array: Any) -> Any:
    return np.ravel(array)


def _place(trace: Trace, arr: Any, mask: Any, vals: Any) -> None:
    mask = np.asarray(values_of(mask), bool)
    vals = trace.array(vals)
    index = np.nonzero(mask)
    _put_at(trace, arr, index, vals, index[0].size, lambda: np.place(values_of(arr), mask, values_of(vals)))


def _putmask(trace: Trace, a: Any, mask: Any, values: Any) -> None:
    mask = np.asarray(values_of(mask), bool)
    values = trace.array(values)
    chosen = np.flatnonzero(mask)
    index = np.unravel_index(chosen, mask.shape)
    if isinstance(values, Node):
        # Unlike np.place: the entry at each place's own position, the values repeated over the array.
        flat = _raveled(values)
        values = flat[chosen % max(int(np.size(values.value)), 1)]
    else:
        flat = np.asarray(values).reshape(-1)
        values = flat[chosen % max(flat.size, 1)]
    _put_at(trace, a, index, values, chosen.size, lambda: np.putmask(a, mask, values_of(values)))


def _put_along_axis(trace: Trace, arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    indices = values_of(indices)
    values = trace.array(values)
    shape = np.shape(values_of(arr))
    places = np.take_along_axis(np.arange(int(np.prod(shape))).reshape(shape), indices, axis)
    index = np.unravel_index(places, shape)
    if isinstance(arr, Node):
        assign(arr, index, values)
        return
    if isinstance(values, Node) and values._depends():
        trace.leak("stored into a plain array")
    np.put_along_axis(arr, indices, values_of(values), axis)


def _fill_diagonal(trace: Trace, a: Any, val: Any, wrap: bool = False) -> None:
    val = trace.array(val)
    shape = np.shape(values_of(a))
    marks = np.zeros(shape, np.int8)
    np.fill_diagonal(marks, 1, wrap)
    index = np.nonzero(marks)
    _put_at(trace, a, index, val, index[0].size, lambda: np.fill_diagonal(values_of(a), values_of(val), wrap))


WRITERS: dict[Any, Callable[..., None]] = {
    np.copyto: _copyto,
    np.put: _put,
    np.place: _place,
    np.putmask: _putmask,
    np.put_along_axis: _put_along_axis,
    np.fill_diagonal: _fill_diagonal,
}
