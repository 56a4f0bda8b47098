"""``x[index]`` of a traced array: a view where NumPy gives one, and as cheap in a loop as can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from gradcheck.trace.dispatch import constant, is_floating
from gradcheck.trace.memory import ViewError
from gradcheck.trace.node import Node, is_view_of, values_of
from gradcheck.trace.positions import counting
from gradcheck.trace.reads import Reader
from gradcheck.trace.rules import getitem as index_tensor
from gradcheck.trace.wengert.codes import is_small
from gradcheck.trace.wengert.reading import read

__all__ = ["getitem", "rows"]

# Parts of an index that are no traced arrays.
_PLAIN = frozenset({int, slice, type(None), type(Ellipsis)})


def getitem(node: Node, index: Any) -> Any:
    """``node[index]``; raises as NumPy does."""
    if type(index) is not int and not (type(index) is tuple and _PLAIN.issuperset(map(type, index))):
        index = values_of(index)
    value = node.value[index]
    trace = node._trace
    memory = node._memory
    try:
        if trace.enters and (type(value) is np.float64 or (type(value) is np.ndarray and is_small(value))):
            light = read(trace.entries, node, index)
            if light is not None:
                part = trace.carried(value, light)
                if type(value) is np.ndarray:
                    part._share(node)
                return part
        if memory is not None and memory.version != node._version and memory.varies and memory.writer is not None:
            # Writes are waiting: what they did to this part is asked for, not the whole array.
            shadow = memory.read(node._place(memory)[index], value, trace)
        elif node._depends():
            memory = node._memory
            if memory is not None and memory.mask is not None and memory.is_constant(node._place(memory)[index]):
                shadow = None  # beside what was written
            else:
                shadow = _part(node, index, value)
        else:
            shadow = None
        if shadow is not None and trace.is_watching:
            shadow = trace.accept("getitem", (node._tensor(), index), shadow, value)
    except (ViewError, NotImplementedError) as error:
        trace.leak(f"an index into {error}" if isinstance(error, ViewError) else f"[...] with {error}")
        shadow = None
    if type(value) is not np.ndarray:
        if shadow is None or not is_floating(value):
            return value
        return trace.wrap(value, shadow)
    if shadow is None and value.dtype.kind not in "fc":
        return constant(trace, value)
    part = trace.wrap(value, shadow)
    if value.base is not None and is_view_of(value, node):
        part._share(node)
    return part


def _part(node: Node, index: Any, value: Any) -> torch.Tensor:
    """The tensor of ``node[index]``, ``node`` being up to date."""
    shadow = node._tensor()
    reader = node._reader
    if reader is None:
        reader = node._reader = Reader(shadow.reshape(-1), shadow)
    if not reader.is_busy(type(value) is not np.ndarray):
        return index_tensor(shadow, index)
    shape = shadow.shape
    everything = counting(reader.flat.shape[0])[: reader.flat.shape[0]].reshape(shape)
    return reader.take(everything[index])


def rows(node: Node) -> Iterator[Any]:
    """The rows of ``node`` one after another, as iterating over an ndarray gives them."""
    length = len(node.value)
    trace = node._trace
    are_light = trace.enters and trace.entries.pays and node.value.ndim == 1 and node.value.dtype == np.float64
    if length > 1 and not are_light and node._depends():
        # One node for all rows: its backward puts their gradients together once.
        parts = node._tensor().unbind(0)
        version = node._memory.version if node._memory is not None else None
        for i in range(length):
            if (node._memory.version if node._memory is not None else None) != version:
                yield getitem(node, i)  # written to meanwhile
                continue
            value = node.value[i]
            part = trace.wrap(value, parts[i])
            if type(value) is np.ndarray:
                part._share(node)
                version = node._memory.version if node._memory is not None else None
            yield part
        return
    for i in range(length):
        yield getitem(node, i)
