"""``x.flat`` of a traced array."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.trace.dispatch import apply
from gradcheck.trace.node import Node, values_of
from gradcheck.trace.writes import assign, update

__all__ = ["Flat"]


class Flat:
    """Reads and writes the entries of ``node`` in C order, whatever its layout in memory."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._next = 0

    @property
    def base(self) -> Any:
        """The array itself."""
        return self._node

    def _flattened(self) -> Any:
        return apply(self._node._trace, np.ravel, (self._node,), {}, compute=lambda value: value.flatten(), name="flat")

    def __len__(self) -> int:
        return int(self._node.value.size)

    def __iter__(self) -> Iterator[Any]:
        for i in range(len(self)):
            yield self[i]

    def __next__(self) -> Any:
        if self._next >= len(self):
            raise StopIteration
        self._next += 1
        return self[self._next - 1]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, (int, np.integer)):
            return self._node[np.unravel_index(range(len(self))[index], self._node.value.shape)]  # type: ignore[index]  # a traced array
        return self._flattened()[index]

    def __setitem__(self, index: Any, new: Any) -> None:
        node = self._node
        new = node._trace.array(new)
        if isinstance(index, (int, np.integer)):
            assign(node, np.unravel_index(range(len(self))[index], node.value.shape), new)
            return
        shadow = new._tensor() if isinstance(new, Node) and new._depends() else None
        node.value.flat[index] = values_of(new)
        memory = node._own_memory()
        positions = node._place(memory).reshape(-1)[index]
        if shadow is not None:
            # NumPy repeats what is too short, and leaves out what is too long.
            shadow = shadow.reshape(-1)
            repeats = -(-positions.size // max(shadow.shape[0], 1))
            shadow = shadow.repeat(repeats)[: positions.size].reshape(positions.shape)
        update(node, positions, shadow)

    def copy(self) -> Any:
        """A flat copy of the array."""
        return self._flattened()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self._flattened(), dtype=dtype, copy=copy)
