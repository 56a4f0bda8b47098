"""Memory that several traced arrays share: one derivative for all of it, whichever view is written.

NumPy itself moves the values. Here stands, for every element of the memory, which tensor entry carries its
derivative. Writes are kept as they come, as (positions, tensor) pairs, and are combined by one gather when a
read needs them: a loop of sixty thousand assignments costs one graph node at its end, not sixty thousand copies.
No tensor is ever changed in place, so nothing autograd has saved is overwritten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.trace.positions import are_distinct, are_regular, counting
from gradcheck.trace.reads import Reader

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["Memory", "ViewError", "owner_of"]

Array = npt.NDArray[Any]


def owner_of(array: Array) -> object:
    """The object that owns the memory ``array`` looks at: the end of its chain of bases."""
    owner: object = array
    base: object = array.base
    while base is not None:
        owner, base = base, getattr(base, "base", None)
    return owner


class ViewError(NotImplementedError):
    """A view whose elements are not elements of the memory it looks at (another item size, or past its end)."""


class Memory:
    """The elements between the first and the last byte of ``origin``, and what carries their derivatives.

    ``version`` counts writes. ``varies`` says whether any element ever depended on a variable.
    """

    __slots__ = ("base", "base_version", "flushes", "has_entries", "mask", "origin", "parts", "pending", "place",
                 "size", "start", "step", "varies", "version", "writer")  # fmt: skip

    def __init__(self, origin: Array) -> None:
        self.origin = origin
        self.step = origin.itemsize
        if origin.flags.c_contiguous:
            self.start = origin.__array_interface__["data"][0]
            self.size = origin.size
        else:
            low, high = np.lib.array_utils.byte_bounds(origin)
            self.start = low
            self.size = (high - low) // self.step
        self.version = 0
        self.varies = False
        # The derivative of the whole memory as of base_version, flat, in memory order; None: constant.
        self.base: torch.Tensor | None = None
        self.base_version = 0
        # Which elements of the base depend on a variable; None: all of them.
        self.mask: Array | None = None
        self.parts: Reader | None = None
        # Writes since then; writer[p] is the number of the last write to element p (-1: none), and place[p] which
        # of that write's elements it took. Below -1 stands -2 - the number of an entry of the Wengert list.
        self.pending: list[tuple[Array, torch.Tensor, bool]] = []
        self.writer: Array | None = None
        self.place: Array | None = None
        self.has_entries = False
        self.flushes = 0

    # -- where a view's elements are -------------------------------------------------------------------------------

    def positions(self, view: Array) -> Array:
        """The position in this memory of each element of ``view``, in its shape (no memory is taken for it).

        Raises:
            ViewError: the view's elements are not whole elements of this memory.
        """
        if view.size == 0:
            return np.empty(view.shape, np.int64)
        offset, off = divmod(view.__array_interface__["data"][0] - self.start, self.step)
        strides = []
        first = last = offset
        for stride, length in zip(view.strides, view.shape, strict=True):
            step, rest = divmod(stride, self.step)
            off += rest
            strides.append(step * 8)
            if step > 0:
                last += step * (length - 1)
            else:
                first += step * (length - 1)
        if off or view.dtype != self.origin.dtype:
            raise ViewError("a view of the memory with another dtype")
        if first < 0 or last >= self.size:
            raise ViewError("a view that reaches outside the array it was made of")
        return np.ndarray(view.shape, np.int64, counting(self.size), offset * 8, tuple(strides))

    def values(self) -> Array:
        """What stands in the memory now, flat, in memory order."""
        origin = self.origin
        if origin.flags.c_contiguous:
            return origin.reshape(-1)
        lowest = origin[tuple(slice(None, None, -1) if stride < 0 else slice(None) for stride in origin.strides)]
        return np.lib.stride_tricks.as_strided(lowest, (self.size,), (self.step,), writeable=False)

    # -- writes ----------------------------------------------------------------------------------------------------

    def touch(self) -> None:
        """Constants were written where nothing depends on a variable."""
        self.version += 1
        self.base_version = self.version

    def write(self, positions: Array, shadow: torch.Tensor, varies: bool) -> None:
        """``shadow``, of the shape of ``positions``, was written there; later entries win over earlier ones."""
        if self.writer is None:
            self.writer = np.full(self.size, -1, np.int64)
        if self.place is None:
            self.place = np.zeros(self.size, np.int64)
        self.varies = True
        self.version += 1
        self.writer[positions] = len(self.pending)
        # NumPy assigns repeated positions in order, the last one wins: so does their place here.
        self.place[positions] = counting(positions.size)[: positions.size].reshape(positions.shape)
        self.pending.append((positions, shadow, varies))

    def write_entries(self, positions: Any, numbers: int | Array) -> None:
        """Numbers were written that are entries of the Wengert list: one to each position, or one to all."""
        if self.writer is None:
            self.writer = np.full(self.size, -1, np.int64)
        self.varies = True
        self.version += 1
        self.writer[positions] = -2 - numbers
        self.has_entries = True

    def replace(self, positions: Array, shadow: torch.Tensor) -> None:
        """``shadow`` was written to ``positions``: at once, where these are the whole memory."""
        if positions.size != self.size or not self.size or not are_distinct(positions):
            self.write(positions, shadow, True)
            return
        flat = shadow.reshape(-1)
        if not positions.flags.c_contiguous:
            inverse = np.empty(self.size, np.int64)
            inverse[positions.reshape(-1)] = counting(self.size)[: self.size]
            flat = flat.index_select(0, torch.from_numpy(inverse))
        self.version += 1
        self.varies = True
        self._settle(flat, None)

    def _settle(self, flat: torch.Tensor, mask: Array | None) -> None:
        self.base = flat
        self.mask = mask
        self.parts = None
        self.pending = []
        self.writer = self.place = None
        self.has_entries = False
        self.base_version = self.version

    # -- reads -----------------------------------------------------------------------------------------------------

    def written_since(self, positions: Array, version: int) -> bool:
        """Whether any of ``positions`` was written after ``version``."""
        if version < self.base_version:
            return True
        if self.writer is None or not positions.size:
            return False
        if self.has_entries:  # which say not when they were written
            return bool((self.writer[positions] != -1).any())
        return bool(self.writer[positions].max() + self.base_version + 1 > version)

    def read(self, positions: Array, value: Any, trace: Trace) -> torch.Tensor | None:
        """What carries the derivative at ``positions``; None where ``value`` (what stands there) is constant.

        Does not combine the pending writes unless most of the memory is read: a read beside them, or of exactly
        what one of them wrote, is served without.
        """
        if self.writer is None:
            return self._read_base(positions)
        writers = self.writer[positions]
        if positions.ndim == 0:
            number = int(writers)
            if number < -1:
                return trace.entries.tensor(-2 - number, value)
            if number < 0:
                return self._read_base(positions)
            written, shadow, varies = self.pending[number]
            if not varies:
                return None
            if written.ndim == 0:
                return shadow
            used: list[int] = [number]
        else:
            number = int(writers.flat[0]) if writers.size else -1
            if number >= -1 and (writers == number).all():
                if number < 0:
                    return self._read_base(positions)
                written, shadow, varies = self.pending[number]
                if not varies:
                    return None
                if written.shape == positions.shape and np.array_equal(written, positions):
                    return shadow
            if 2 * positions.size >= self.size:
                self.flush(trace)
                return self._read_base(positions)
            used = np.unique(writers).tolist()
        numbers = [number for number in used if number >= 0]
        if sum(self.pending[number][0].size for number in numbers) > 4 * positions.size + 64:
            self.flush(trace)
            return self._read_base(positions)
        varying = any(self.pending[number][2] for number in numbers) or (writers < -1).any()
        if not varying and self.base_is_constant(positions[writers == -1]):
            return None
        return self._assemble(positions, writers, numbers, value, trace)

    def _assemble(self, positions: Array, writers: Array, numbers: list[int], value: Any, trace: Trace) -> torch.Tensor:
        """Gather ``positions`` from the writes ``numbers`` and, where none of these wrote, from the base."""
        entered = writers < -1
        if entered.all():
            return trace.entries.tensors(-2 - writers.reshape(-1), np.asarray(value).reshape(-1)).reshape(
                positions.shape
            )
        sources = [self.pending[number][1] for number in numbers]
        if sources and all(source.ndim == 0 for source in sources):
            entries = [torch.stack(sources)]
        else:
            entries = [source.reshape(-1) for source in sources]
        lengths = np.array([self.pending[number][0].size for number in numbers], np.int64)
        end = int(lengths.sum())
        index = np.empty(positions.shape, np.int64)
        if numbers:
            assert self.place is not None
            begins = np.zeros(len(self.pending), np.int64)
            begins[numbers] = np.cumsum(lengths) - lengths
            pending = writers >= 0
            index[pending] = begins[writers[pending]] + self.place[positions[pending]]
        if entered.any():
            entries.append(trace.entries.tensors(-2 - writers[entered], np.asarray(value)[entered]))
            index[entered] = counting(end + entries[-1].shape[0])[end : end + entries[-1].shape[0]]
            end += entries[-1].shape[0]
        untouched = writers == -1
        if untouched.any():
            below = positions[untouched]
            index[untouched] = end + counting(below.size)[: below.size]
            if self.base is None:
                entries.append(trace.constant_tensor(np.asarray(value)[untouched]))
            else:
                entries.append(self._gather(np.asarray(below)))
        source = entries[0] if len(entries) == 1 else torch.cat(entries)
        index = np.asarray(index)
        if index.size == source.shape[0] and np.array_equal(index.reshape(-1), counting(index.size)[: index.size]):
            return source.reshape(index.shape)
        return source.index_select(0, torch.from_numpy(index.reshape(-1))).reshape(index.shape)

    def flush(self, trace: Trace) -> None:
        """Combine the pending writes into one tensor over the whole memory."""
        if self.writer is None:
            return
        self.flushes += 1
        everything = counting(self.size)[: self.size]
        numbers = np.unique(self.writer[self.writer >= 0]).tolist()
        flat = self._assemble(everything, self.writer, numbers, self.values(), trace)
        constant = np.array([not varies for _, _, varies in self.pending] + [False])
        mask: Array | None = None
        partly = self.base is None or self.mask is not None or bool(constant.any())
        if partly and (self.pending or (self.writer == -1).any()):
            before = self.mask if self.mask is not None else np.full(self.size, self.base is not None)
            mask = np.where(self.writer == -1, before, ~constant[np.maximum(self.writer, -1)])
            if mask.all():
                mask = None
        self._settle(flat, mask)

    def is_constant(self, positions: Array) -> bool:
        """Whether nothing at ``positions`` depends on a variable, as far as is known without combining writes."""
        return self.writer is None and self.mask is not None and not self.mask[positions].any()

    def base_is_constant(self, positions: Array) -> bool:
        if self.base is None or not positions.size:
            return True
        return self.mask is not None and not self.mask[positions].any()

    def _read_base(self, positions: Array) -> torch.Tensor | None:
        return None if self.base_is_constant(positions) else self._gather(positions)

    def _gather(self, positions: Array) -> torch.Tensor:
        assert self.base is not None
        if positions.size == self.size and positions.flags.c_contiguous and are_regular(positions):
            return self.base.reshape(positions.shape)
        return self.reader().take(positions)

    def reader(self) -> Reader:
        """Serves reads of the base."""
        assert self.base is not None
        if self.parts is None:
            self.parts = Reader(self.base)
        return self.parts
