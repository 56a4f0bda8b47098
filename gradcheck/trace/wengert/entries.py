"""The Wengert list of one trace: what is entered in it, and how its values become tensors."""

from __future__ import annotations

import bisect
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch

from gradcheck.trace import reads
from gradcheck.trace.reads import Reader
from gradcheck.trace.wengert.codes import ADDRESSES, Light, Part, Wide
from gradcheck.trace.wengert.columns import Columns
from gradcheck.trace.wengert.joints import Stretch, Taken
from gradcheck.trace.wengert.kinds import Kinds, Operand
from gradcheck.trace.wengert.replay import Pass

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["Entries"]

Array = npt.NDArray[Any]

# What may be left of terms that cancel, relative to the largest entry of any source.
_ROUNDING = 1e-12
# After so many stretches they must be this long on the average, or tensors alone are cheaper.
_STRETCHES, _LENGTH = 16, 6


class Entries:
    """The entries, the sources they read, and the stretches that are in PyTorch's graph already.

    Attributes:
        pays: whether what is read is still to do without tensors; what was entered stays valid.
    """

    def __init__(self) -> None:
        self.columns = Columns()
        self.kinds = Kinds()
        self.sources: list[Reader] = []
        self._addresses: list[int] = []  # where each of them begins
        self._end = 0
        # By the number of an entry: values of operands that cannot be read again, shapes of arrays taken apart.
        self.kept: dict[int, tuple[Any, Any]] = {}
        self.shapes: dict[int, tuple[int, ...]] = {}
        self.pays = True
        self._begins: list[int] = []
        self._tokens: list[torch.Tensor] = []
        self._closed = self.columns.ends
        self._pass: Pass | None = None
        self._pass_number = -1

    # -- sources -----------------------------------------------------------------------------------------------------

    def source(self, trace: Trace, reader: Reader, values: Any, known: Array | None = None) -> bool:
        """Give what ``reader`` reads an address, if it has none; whether there is one left.

        ``values`` is what NumPy has for it: operations will use that, so the tensor must hold the same (else the
        trace has a mismatch); ``known`` says where, if not everywhere.
        """
        if reader.begin < 0:
            size = reader.flat.shape[0]
            if self._end + size > ADDRESSES:
                return False
            reader.begin = self._end
            self._end += size
            self.sources.append(reader)
            self._addresses.append(reader.begin)
            theirs = reader.flat
            ours = np.asarray(values).reshape(-1)
            if known is not None:
                theirs, ours = theirs[torch.from_numpy(known)], ours[known]
            if not trace.agrees(theirs, ours) and not self._is_rounding(theirs, ours):
                trace.mismatch = True
        return True

    def _is_rounding(self, theirs: torch.Tensor, ours: Array) -> bool:
        """Whether two values differ by no more than what is left where large terms cancel."""
        with np.errstate(all="ignore"):
            largest = max(float(np.abs(reader.values).max(initial=0.0)) for reader in self.sources)
            return bool(np.abs(theirs.detach().numpy() - ours).max(initial=0.0) <= _ROUNDING * largest)

    def source_at(self, code: int) -> tuple[Reader, int]:
        """The source that a code is an entry of, and the position there."""
        reader = self.sources[bisect.bisect_right(self._addresses, ~code) - 1]
        return reader, ~code - reader.begin

    def value(self, operand: Operand, code: int, number: float, kept: Any) -> Any:
        """The value of an operand: a number or an array."""
        if kept is not None:
            return kept
        if operand.what != "part":
            return number
        reader, position = self.source_at(code)
        return np.ndarray(operand.shape, np.float64, reader.values, 8 * position, operand.strides)

    # -- entries -----------------------------------------------------------------------------------------------------

    def number(self, code: int) -> int:
        """The number of an entry with the value and derivative of this code."""
        return code if code >= 0 else self.columns.single(code, 1.0)

    def pick(self, wide: Wide, position: int, shape: tuple[int, ...]) -> int:
        """The number of an entry that is the one at this position of an array of this shape."""
        self.shapes[wide.number] = shape
        return self.columns.pick(wide.number, position)

    # -- into PyTorch's graph ----------------------------------------------------------------------------------------

    def tensor(self, light: Light, value: Any) -> torch.Tensor:
        """The tensor of ``value``, whose derivative ``light`` carries."""
        if isinstance(light, Part):
            return self._part(light)
        if isinstance(light, Wide):
            return self._taken(light.number, light, value)
        if light < 0:
            reader, position = self.source_at(light)
            return reader.take(np.asarray(position))
        return self._taken(light, np.asarray(light), value)

    def tensors(self, numbers: Array, values: Array) -> torch.Tensor:
        """One tensor of the numbers that these entries are; any of them may occur several times."""
        return self._taken(int(numbers.max()), numbers, values)

    def _part(self, part: Part) -> torch.Tensor:
        reader, _ = self.source_at(~part.begin)
        if part.index is None or reader.is_busy(single=False):
            return reader.take(part.positions)
        return reader.indexed(part.index)

    def _taken(self, latest: int, which: Array | Wide, value: Any) -> torch.Tensor:
        if latest >= self._closed.kinds:
            self._close()
        token = self._tokens[self._stretch(latest)]
        if isinstance(which, np.ndarray) and which.ndim and int(which.min()) < self._begins[self._stretch(latest)]:
            # One node behind all stretches in question: none is replayed before what was taken of it is known.
            several = np.unique(np.searchsorted(self._begins, which, side="right") - 1).tolist()
            token = Stretch.apply(self, self._closed, self._closed, [], *[self._tokens[k] for k in several])  # type: ignore[no-untyped-call]  # torch: Function.apply
        values = torch.from_numpy(np.array(value, dtype=np.float64))
        taken: torch.Tensor = Taken.apply(token, self, which, values)  # type: ignore[no-untyped-call]  # torch: Function.apply
        return taken

    def _stretch(self, number: int) -> int:
        return bisect.bisect_right(self._begins, number) - 1

    def _close(self) -> None:
        """Make one node of the entries since the last stretch."""
        begin, end = self._closed, self.columns.ends
        sources: set[int] = set()
        stretches: set[int] = set()
        for codes in self.columns.codes_between(begin, end):
            read = np.searchsorted(self._addresses, ~codes[codes < 0], side="right") - 1
            sources.update(np.unique(read).tolist())
            earlier = codes[(codes >= 0) & (codes < begin.kinds)]
            stretches.update(np.unique(np.searchsorted(self._begins, earlier, side="right") - 1).tolist())
        readers = [self.sources[k] for k in sorted(sources)]
        tokens = [reader.whole() for reader in readers] + [self._tokens[k] for k in sorted(stretches)]
        self._tokens.append(Stretch.apply(self, begin, end, readers, *tokens))  # type: ignore[no-untyped-call]  # torch: Function.apply
        self._begins.append(begin.kinds)
        self._closed = end
        if len(self._tokens) >= _STRETCHES and end.kinds < _LENGTH * len(self._tokens):
            self.pays = False

    def current_pass(self) -> Pass:
        """The gradients of the backward pass that is under way."""
        number = reads.number_of_pass()
        if self._pass is None or self._pass_number != number:
            self._pass, self._pass_number = Pass(), number
        return self._pass
