"""Memory for results, used again when nobody holds them any more.

NumPy computes ``x @ W + b`` into the memory of ``x @ W``, which nobody else can see, but for its own class alone. Every
result of followed arrays would take fresh memory from the system, which costs 6 % of a training step.
"""

from __future__ import annotations

import sys
from collections import deque
from typing import Any

import numpy as np

__all__ = ["Pool"]

Array = np.ndarray[Any, Any]

_SMALLEST = 1 << 19  # bytes; below, fresh memory costs next to nothing
_LARGEST = 1 << 27  # bytes altogether
_EACH = 24  # of one shape
# They give the type that goes in.
_SAME = frozenset((np.add, np.subtract, np.multiply, np.true_divide, np.maximum, np.minimum)) | frozenset(
    (np.exp, np.log, np.tanh, np.sqrt, np.negative, np.square, np.absolute)
)


class Pool:
    """Buffers, each handed out while nothing but the pool refers to it or to a view of it."""

    def __init__(self) -> None:
        self._buffers: dict[tuple[tuple[int, ...], Any], deque[Array]] = {}
        self._bytes = 0
        self._usable = getattr(sys, "_is_gil_enabled", lambda: True)()
        buffer = np.empty(0)
        self._idle = sys.getrefcount(buffer)  # of one that only this function knows

    def output(self, ufunc: Any, inputs: list[Any]) -> Array | None:
        """A buffer of the shape, type and layout that NumPy would give the result; None where NumPy takes its own."""
        if not self._usable:
            return None
        if ufunc is np.matmul:
            a, b = inputs
            if not (type(a) is type(b) is np.ndarray and a.ndim == b.ndim == 2 and a.dtype is b.dtype):
                return None
            shape = (a.shape[0], b.shape[1])
            return self._take(shape, a.dtype) if a.shape[1] == b.shape[0] else None
        if ufunc not in _SAME:
            return None
        largest: Array | None = None
        for x in inputs:
            if type(x) is np.ndarray:
                if largest is None or x.size > largest.size:
                    largest = x
            elif type(x) is not float and type(x) is not int:
                return None
        if largest is None or largest.nbytes < _SMALLEST:
            return None
        shape, dtype = largest.shape, largest.dtype
        for x in inputs:
            if type(x) is np.ndarray and not (
                (x.dtype is dtype or (x.dtype.char == "?" and len(inputs) == 2))
                and x.flags.c_contiguous
                and (x.shape == shape or (x.ndim == 1 and x.shape == shape[-1:]))
            ):
                return None
        return self._take(shape, dtype)

    def clear(self) -> None:
        """Keep nothing: what is in use becomes like any other memory."""
        self._buffers = {}
        self._bytes = 0

    def _take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array | None:
        size = dtype.itemsize
        for n in shape:
            size *= n
        if size < _SMALLEST or dtype.char not in "fd" or not dtype.isnative:
            return None
        buffers = self._buffers.get((shape, dtype.char))
        if buffers is None:
            buffers = self._buffers[shape, dtype.char] = deque()
        for _ in range(len(buffers)):
            buffer = buffers.pop()  # out of other threads' sight, so that nobody else takes it
            if sys.getrefcount(buffer) == self._idle:
                buffers.append(buffer)  # the next to be looked at: the processor's caches have it
                return buffer
            buffers.appendleft(buffer)
        if len(buffers) >= _EACH or self._bytes + size > _LARGEST:
            return None
        self._bytes += size
        made = np.empty(shape, dtype)
        buffers.append(made)
        return made
