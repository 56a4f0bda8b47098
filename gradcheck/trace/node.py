"""The state of a traced array: a NumPy value, and beside it the tensor that carries its derivative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.trace.memory import Memory, ViewError, owner_of
from gradcheck.trace.reads import Reader
from gradcheck.trace.wengert.codes import Light

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["OF_AN_ARRAY", "Array", "Node", "values_of"]

Array = npt.NDArray[Any]


_OF_A_NUMBER = ("_light", "_reader", "_shadow", "_trace", "_varies", "value")
# Where it lies, and whether it was in an operation with what has no tensor.
OF_AN_ARRAY = ("_memory", "_met", "_positions", "_version")


class Node:
    """What every traced array holds, and every traced number.

    ``value`` is what NumPy computed: an ndarray, a NumPy scalar or a Python float. The names of everything else
    start with an underscore, for users see this object as an ndarray and read its attributes. Where an array lies is
    kept by the subclass for arrays alone: a list may hold as many numbers as a loop has steps.
    """

    __slots__ = _OF_A_NUMBER

    value: Any
    _trace: Trace
    _shadow: torch.Tensor | None
    # What carries the derivative where there is no tensor (yet).
    _light: Light | None
    _varies: bool
    _reader: Reader | None
    _memory: Memory | None = None
    _version: int = 0
    _positions: Array | None = None
    _met: bool = False  # what has no tensor, in an operation: another time it need not become one for this array

    def _depends(self) -> bool:
        """Whether the value depends on a variable, writes through other views included."""
        memory = self._memory
        if memory is not None and memory.version != self._version:
            self._refresh(memory)
        return self._varies

    def _tensor(self) -> torch.Tensor:
        """The tensor that carries the derivative; for a constant, a copy of the value."""
        memory = self._memory
        if memory is not None and memory.version != self._version:
            self._refresh(memory)
        shadow = self._shadow
        if shadow is None:
            light = self._light
            if light is None:
                shadow = self._shadow = self._trace.constant_tensor(self.value)
            else:
                shadow = self._shadow = self._trace.entries.tensor(light, self.value)
        return shadow

    def _set(self, shadow: torch.Tensor | None) -> None:
        self._shadow = shadow
        self._varies = shadow is not None
        self._reader = None
        self._light = None

    def _refresh(self, memory: Memory) -> None:
        version = memory.version
        if not memory.varies:
            self._set(None)
        else:
            try:
                positions = self._place(memory)
            except ViewError as error:
                self._trace.leak(f"read through {error}")
                self._memory = None
                self._set(None)
                return
            if memory.written_since(positions, self._version):
                self._set(memory.read(positions, self.value, self._trace))
        self._version = version

    def _own_memory(self) -> Memory:
        """The memory behind the array, made when first shared."""
        memory = self._memory
        if memory is None:
            memory = self._memory = Memory(self.value)
            if self._varies:
                memory.replace(self._place(memory), self._tensor())
            self._version = memory.version
        return memory

    def _place(self, memory: Memory) -> Array:
        """The positions in memory of the array's elements, in the array's shape."""
        positions = self._positions
        if positions is None:
            positions = self._positions = memory.positions(self.value)
        return positions

    def _share(self, other: Node) -> None:
        """Say that this array is a view of ``other``'s memory, with its derivative up to date."""
        memory = self._memory = other._own_memory()
        self._version = memory.version

    def _reshape_itself(self, shape: Any) -> None:
        """``x.shape = shape``."""
        depends = self._depends()
        self.value.shape = shape
        self._positions = None
        if depends:
            self._set(self._tensor().reshape(self.value.shape))

    def _is_array(self) -> bool:
        return type(self.value) is np.ndarray


def values_of(x: Any) -> Any:
    """``x`` with every traced array replaced by its value, inside lists, tuples and dicts too."""
    if isinstance(x, Node):
        return x.value
    kind = type(x)
    if kind is list:
        return [values_of(item) for item in x]
    if kind is tuple:
        return tuple([values_of(item) for item in x])
    if kind is dict:
        return {key: values_of(item) for key, item in x.items()}
    if isinstance(x, tuple) and hasattr(x, "_make"):
        return x._make([values_of(item) for item in x])
    return x


def is_view_of(result: Array, node: Node) -> bool:
    """Whether ``result`` shares the memory of ``node``."""
    return result.base is not None and type(node.value) is np.ndarray and owner_of(result) is owner_of(node.value)
