"""Casts and single entries: from one dtype to another, from an array to numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from gradcheck.trace import branches
from gradcheck.trace.dispatch import apply, constant, traced
from gradcheck.trace.indexing import getitem
from gradcheck.trace.node import Node
from gradcheck.trace.wengert.numbers import single

__all__ = ["as_dtype", "astype", "item", "objects", "to_list", "view"]


def astype(node: Node, dtype: Any, *args: Any, **kwargs: Any) -> Any:
    """``node.astype(dtype)``: a traced copy for floats; whole numbers and truth values are plain decisions."""
    value = node.value.astype(dtype, *args, **kwargs)
    if value is node.value:
        return node
    if not node._depends():
        return constant(node._trace, value)
    if value.dtype.kind not in "fc":
        if value.dtype.kind == "O":
            return objects(to_list(node), value.shape)
        node._trace.branch(branches.digest(value))
        return value
    if value.dtype.kind == "f" and node.value.dtype.kind == "c":
        return apply(node._trace, np.real, (node,), {}, compute=lambda _: value, name="astype")
    shadow = node._trace.accept("astype", (node._tensor(),), node._tensor(), value)
    return traced(node._trace, value, shadow, ())


def objects(nested: Any, shape: tuple[int, ...]) -> Any:
    """An array of objects, plain itself, whose entries are the traced numbers in ``nested``."""
    made = np.empty(shape, object)
    for index in np.ndindex(*shape):
        entry = nested
        for i in index:
            entry = entry[i]
        made[index] = entry
    return made


def as_dtype(node: Node, dtype: Any) -> Any:
    """``node`` itself where it has this dtype (None: any), else a cast copy."""
    if dtype is None or not hasattr(node.value, "dtype") or np.dtype(dtype) == node.value.dtype:
        return node
    return astype(node, dtype)


def view(node: Node, *args: Any, **kwargs: Any) -> Any:
    """``node.view(...)``: the same memory; another dtype than its own has no derivative."""
    value = node.value.view(*args, **kwargs)
    if type(value) is np.ndarray and value.dtype == node.value.dtype and value.shape == node.value.shape:
        return traced(node._trace, value, node._tensor() if node._depends() else None, (node,))
    if node._depends():
        node._trace.leak(f".view({', '.join(map(str, args))}) gives a plain array")
    return value


def item(node: Node, *index: Any) -> Any:
    """``node.item(...)``: a Python number, still traced."""
    value = node.value.item(*index) if node._is_array() or hasattr(node.value, "item") else node.value
    if not node._depends():
        return value
    code = single(node._trace.entries, node) if node._trace.enters and not index else None
    if code is not None and type(value) is float:
        return node._trace.carried(value, code)
    if index:
        chosen = index[0] if len(index) == 1 else index
        number = getitem(node, chosen if isinstance(chosen, tuple) else np.unravel_index(chosen, node.value.shape))
        shadow = number._tensor()
    else:
        shadow = node._tensor().reshape(())
    return node._trace.wrap(value, shadow)


def to_list(node: Node) -> Any:
    """``node.tolist()``: nested lists of Python numbers, still traced."""
    value = node.value.tolist()
    if not node._depends():
        return value
    shape = node.value.shape
    parts = iter(node._tensor().reshape(-1).unbind(0))

    def nest(numbers: Any, depth: int) -> Any:
        if depth == len(shape):
            return node._trace.wrap(numbers, next(parts))
        return [nest(each, depth + 1) for each in numbers]

    return nest(value, 0)
