"""Writing into traced memory: ``x[index] = v``, ``x += v``, ``np.copyto``, ``np.put``, ``np.add.at`` and their kin."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.memory import ViewError
from gradcheck.trace.node import Array, Node, values_of

__all__ = ["assign", "store", "update"]

_FLOAT64 = np.dtype(np.float64)


def store(node: Node, shadow: torch.Tensor | None) -> None:
    """NumPy has overwritten all of ``node``; ``shadow`` carries the derivative now (None: constants were written)."""
    memory = node._memory
    if memory is None:
        node._set(shadow)
        return
    if shadow is None and not memory.varies:
        memory.touch()
    else:
        try:
            positions = node._place(memory)
        except ViewError as error:
            _lost(node, error)
            return
        if shadow is None:
            memory.write(positions, node._trace.constant_tensor(node.value), False)
        else:
            memory.replace(positions, shadow)
    node._set(shadow)
    node._version = memory.version


def assign(node: Node, index: Any, new: Any) -> None:
    """``node[index] = new``."""
    trace = node._trace
    if type(index) is not int:
        index = values_of(index)
    if type(new) in (list, tuple):
        new = trace.array(new)
    if isinstance(new, Node):
        if new._memory is not None and new._memory is node._memory and _is_same(node.value[index], new.value):
            return  # the second half of ``x[index] += v``: it stands there already
        varies = new._depends()
        light = new._light if varies else None
        if type(light) is int and type(node.value) is np.ndarray and node.value.dtype is _FLOAT64:
            _assign_entry(node, index, new, light)
            return
        # Before NumPy writes, for `new` may look at the same memory.
        shadow = new._tensor() if varies else None
        node.value[index] = new.value
    else:
        shadow = None
        node.value[index] = new
    _written(node, index, shadow)


def _assign_entry(node: Node, index: Any, new: Node, code: int) -> None:
    """``node[index] = new``, a number that ``code`` stands for in the Wengert list."""
    memory = node._own_memory()
    node.value[index] = new.value
    try:
        positions = node._place(memory)[index]
    except ViewError as error:
        _lost(node, error)
        return
    if positions.size:
        memory.write_entries(positions, node._trace.entries.number(code))


def _is_same(a: Any, b: Any) -> bool:
    return (
        type(a) is np.ndarray
        and type(b) is np.ndarray
        and a.shape == b.shape
        and a.strides == b.strides
        and a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _written(node: Node, index: Any, shadow: torch.Tensor | None) -> None:
    """Record that ``shadow`` (None: constants), broadcast, now stands at ``node[index]``."""
    memory = node._memory
    if memory is None:
        if shadow is None and not node._varies:
            node._set(None)
            return
        memory = node._own_memory()
    if shadow is None and not memory.varies:
        memory.touch()
        return
    try:
        positions = node._place(memory)[index]
    except ViewError as error:
        _lost(node, error)
        return
    _write(node, positions, shadow)


def _write(node: Node, positions: Array, shadow: torch.Tensor | None) -> None:
    memory = node._own_memory()
    if not positions.size:
        return
    if shadow is None:
        flat = memory_values(node, positions)
        memory.write(positions, node._trace.constant_tensor(flat), False)
        return
    if shadow.shape != positions.shape:
        extra = shadow.ndim - positions.ndim
        if extra > 0:  # NumPy lets a (1, 3) array be assigned to three places
            shadow = shadow.reshape(shadow.shape[extra:])
        shadow = shadow.expand(positions.shape)
    memory.replace(positions, shadow)


def memory_values(node: Node, positions: Array) -> Any:
    """What stands at these positions of the node's memory now."""
    memory = node._own_memory()
    return memory.values()[positions]


def update(node: Node, positions: Array, shadow: torch.Tensor | None) -> None:
    """Record a write that NumPy has made at ``positions`` of the node's memory."""
    memory = node._own_memory()
    if shadow is None and not memory.varies:
        memory.touch()
    else:
        _write(node, positions, shadow)


def _lost(node: Node, error: ViewError) -> None:
    node._trace.leak(f"written through {error}")
