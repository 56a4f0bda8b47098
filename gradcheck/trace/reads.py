"""Many reads of one tensor whose backward together costs one pass over it.

The gradient of ``x[i]`` in autograd is an array of the size of ``x``: a loop of n reads would cost n such arrays.
After a few reads the gradients of further ones are summed into one array instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.trace.positions import are_distinct, are_regular, counting
from gradcheck.trace.rules.getitem import getitem

__all__ = ["Reader", "new_pass", "number_of_pass"]

Array = npt.NDArray[Any]

_NATIVE_READS = 32  # reads that autograd may serve itself before the sums are shared
_SMALL = 2048  # entries of a tensor whose every read may cost an array of its size
_passes = [0]


def number_of_pass() -> int:
    """A number that every backward pass has for itself."""
    return _passes[0]


def new_pass() -> None:
    """A backward pass begins: what an interrupted one left behind does not count."""
    _passes[0] += 1


class _Sum:
    """The gradient of one tensor, summed over its reads during one backward pass."""

    __slots__ = ("gradient", "number", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.gradient: Array | None = None
        self.number = -1

    def array(self, dtype: np.dtype[Any]) -> Array:
        if self.gradient is None or self.number != _passes[0]:
            self.gradient = np.zeros(self.size, dtype)
            self.number = _passes[0]
        return self.gradient


class _Whole(torch.autograd.Function):
    """Forward: a token that stands for the tensor. Backward: the sum of the gradients of its reads."""

    @staticmethod
    def forward(ctx: Any, source: torch.Tensor, total: _Sum) -> torch.Tensor:
        ctx.total = total
        return source.new_zeros(())

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, None]:
        total: _Sum = ctx.total
        result = torch.from_numpy(total.array(gradients[0].numpy().dtype))
        total.gradient = None
        return result, None


class _Part(torch.autograd.Function):
    """Forward: some entries of the tensor. Backward: adds to the sum, so the token's own gradient is nothing."""

    @staticmethod
    def forward(
        ctx: Any,
        token: torch.Tensor,  # noqa: ARG004  # ties the read to the whole in the graph
        flat: torch.Tensor,
        positions: Array,
        total: _Sum,
    ) -> torch.Tensor:
        ctx.positions, ctx.total = positions, total
        ctx.set_materialize_grads(False)
        return _entries(flat, positions)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, None, None, None]:
        if gradients[0] is None:
            return None, None, None, None
        gradient = gradients[0].numpy()
        total = ctx.total.array(gradient.dtype)
        positions = ctx.positions
        if are_distinct(positions):
            total[positions] += gradient
        else:
            np.add.at(total, positions, gradient)
        return gradients[0].new_zeros(()), None, None, None


def _entries(flat: torch.Tensor, positions: Array) -> torch.Tensor:
    if positions.ndim == 0:
        return flat[int(positions)]
    if are_regular(positions) and positions.size and min(positions.strides) >= 0:
        # The positions are a view of 0, 1, 2, ...: the same strides over the tensor.
        strides = [stride // 8 for stride in positions.strides]
        return torch.as_strided(flat, positions.shape, strides, flat.storage_offset() + int(positions.flat[0]))
    index = torch.from_numpy(np.array(positions, np.int64).reshape(-1))
    return flat.index_select(0, index).reshape(positions.shape)


class Reader:
    """Serves reads of the one-dimensional tensor ``flat``, the entries of ``shaped`` in order.

    ``begin`` is its address as a source of the trace's Wengert list (-1: it is none).
    """

    __slots__ = ("_numbered", "_values", "begin", "count", "detached", "flat", "scalars", "shaped", "token", "total")

    def __init__(self, flat: torch.Tensor, shaped: torch.Tensor | None = None) -> None:
        self.flat = flat
        self.shaped = flat if shaped is None else shaped
        self.begin = -1
        self._numbered: Array | None = None
        self._values: Array | None = None
        self.count = 0
        self.scalars: tuple[torch.Tensor, ...] | None = None
        self.token: torch.Tensor | None = None
        self.total = _Sum(flat.shape[0])
        self.detached = flat

    def is_busy(self, single: bool) -> bool:
        """Whether enough reads were made for something better than autograd's own indexing to pay."""
        self.count += 1
        return self.count > _NATIVE_READS and (single or self.flat.shape[0] > _SMALL)

    def take(self, positions: Array) -> torch.Tensor:
        """The entries at ``positions``, in their shape."""
        self.count += 1
        size = self.flat.shape[0]
        if positions.ndim == 0:
            if self.scalars is None and 64 * self.count >= size:
                # One node splits the tensor into all its entries, and one node's backward puts them together.
                self.scalars = self.flat.unbind(0)
            if self.scalars is not None:
                return self.scalars[int(positions)]
        if self.count <= _NATIVE_READS or not self.flat.requires_grad:
            if positions.ndim == 0:
                return self.flat[int(positions)]
            index = torch.from_numpy(np.array(positions, np.int64).reshape(-1))
            return self.flat.index_select(0, index).reshape(positions.shape)
        part: torch.Tensor = _Part.apply(self.whole(), self.detached, positions, self.total)  # type: ignore[no-untyped-call]  # torch: Function.apply
        return part

    def indexed(self, index: Any) -> torch.Tensor:
        """``shaped[index]``."""
        return getitem(self.shaped, index)

    def whole(self) -> torch.Tensor:
        """The token of the tensor in PyTorch's graph: behind it go the sums of the gradients of its entries."""
        if self.token is None:
            self.detached = self.flat.detach()
            self.token = _Whole.apply(self.flat, self.total)  # type: ignore[no-untyped-call]  # torch: Function.apply
        return self.token

    @property
    def numbered(self) -> Array:
        """The positions of the entries in ``flat``, in the shape of ``shaped``."""
        if self._numbered is None:
            self._numbered = counting(self.flat.shape[0])[: self.flat.shape[0]].reshape(self.shaped.shape)
        return self._numbered

    @property
    def values(self) -> Array:
        """The entries as a flat array, which nobody writes to."""
        if self._values is None:
            self._values = np.ascontiguousarray(self.flat.detach().numpy())
        return self._values
