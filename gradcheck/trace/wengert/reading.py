"""``x[index]`` as a code, where the entry or the window needs no tensor of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.trace.memory import Memory
from gradcheck.trace.node import Node
from gradcheck.trace.positions import are_distinct
from gradcheck.trace.wengert.codes import Light, Part, Wide
from gradcheck.trace.wengert.numbers import reader_of

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["read"]

Array = npt.NDArray[Any]


def read(entries: Entries, node: Node, index: Any) -> Light | None:
    """What carries ``node[index]``, a number or a small array; None where that is left to PyTorch, or constant.

    Raises:
        ViewError: ``node`` reaches outside its memory.
    """
    if not entries.pays:
        return None
    memory = node._memory
    reader = node._reader
    if (
        reader is not None
        and reader.begin >= 0
        and (memory is None or (memory.version == node._version and memory.mask is None))
    ):  # a source already, and up to date
        return _of_source(reader.begin, reader.numbered, index, index)
    if memory is not None and memory.version != node._version and memory.varies and memory.writer is not None:
        return _from_memory(entries, node, memory, node._place(memory)[index])
    if not node._depends():
        return None
    memory = node._memory
    if memory is not None and memory.mask is not None and memory.is_constant(node._place(memory)[index]):
        return None
    light = node._light
    if light is None:
        return _of_tensor(entries, node, index)
    if type(light) is Part:
        return _of_source(light.begin, light.positions, index)
    if type(light) is Wide:
        shape = node.value.shape
        place = np.arange(node.value.size).reshape(shape)[index]
        if isinstance(place, np.ndarray):
            return None
        return entries.pick(light, int(place), shape)
    return None


def _of_tensor(entries: Entries, node: Node, index: Any) -> Light | None:
    reader = node._reader
    if reader is None or reader.begin < 0:
        reader = reader_of(node) if node._is_array() else None
        if reader is None or not entries.source(node._trace, reader, node.value):
            return None
    return _of_source(reader.begin, reader.numbered, index, index)


def _of_source(begin: int, numbered: Array, index: Any, direct: Any = None) -> Light | None:
    """``numbered`` are positions without repetitions, as a view of all: what a slice takes of them is one again."""
    positions = numbered[index]
    if type(positions) is not np.ndarray:
        return ~(begin + int(positions))
    return Part(begin, positions, direct) if positions.base is numbered.base else None


def _from_memory(entries: Entries, node: Node, memory: Memory, positions: Any) -> Light | None:
    """Writes are waiting: an entry is what was written last, or stands beside what was written."""
    assert memory.writer is not None
    writers = memory.writer[positions]
    single = type(positions) is not np.ndarray
    if single and writers < -1:
        return -2 - int(writers)
    if not (writers == -1).all() or memory.base_is_constant(positions):
        return None
    base = memory.base
    assert base is not None
    if base.dtype is not torch.float64:
        return None
    reader = memory.reader()
    if reader.begin < 0 and not entries.source(
        node._trace, reader, memory.values(), np.flatnonzero(memory.writer == -1)
    ):
        return None
    if single:
        return ~(reader.begin + int(positions))
    return Part(reader.begin, positions) if are_distinct(positions) else None
