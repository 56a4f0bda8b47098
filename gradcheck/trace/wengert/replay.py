"""Going through the entries backwards: each gives its gradient, times its partial derivatives, to its operands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.trace.wengert.codes import MASK, SHIFT
from gradcheck.trace.wengert.columns import LINEAR, PICK, SINGLE
from gradcheck.trace.wengert.kinds import Kind, Operand, spread

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["Pass"]

Array = npt.NDArray[Any]
_NOTHING = (None, None)


class Pass:
    """The gradients of all entries in one backward pass: numbers in one array, arrays by the entry's number."""

    def __init__(self, length: int) -> None:
        self.numbers = np.zeros(length)
        self.arrays: dict[int, Array | float] = {}
        self._picked: dict[int, Array] = {}

    def add(self, numbers: Array, gradient: Array) -> None:
        """Gradients of entries come from PyTorch; one number may occur several times."""
        np.add.at(self.numbers, numbers, gradient)

    def add_array(self, number: int, gradient: Array | float) -> None:
        """The gradient of an entry that is an array, or one number for all of it."""
        known = self.arrays.get(number)
        self.arrays[number] = gradient if known is None else known + gradient

    def replay(self, entries: Entries, first: int, last: int, totals: dict[int, Array]) -> None:
        """Pass on the gradients of the entries from ``first`` to ``last``; those of sources are added to ``totals``."""
        # Views of single numbers are quicker than arrays; their type knows bytes only.
        mine: Any = self.numbers.data
        theirs: dict[int, Any] = {source: total.data for source, total in totals.items()}
        kinds = entries.kinds
        for number, kind, left, right, by_left, by_right in entries.columns.backwards(first, last):
            if kind <= SINGLE:
                gradient = mine[number]
                if gradient == 0.0:
                    continue
                if left >= 0:
                    mine[left] += gradient * by_left
                else:
                    theirs[~left >> SHIFT][~left & MASK] += gradient * by_left
                if kind == LINEAR:
                    if right >= 0:
                        mine[right] += gradient * by_right
                    else:
                        theirs[~right >> SHIFT][~right & MASK] += gradient * by_right
                continue
            if kind == PICK:
                self._pick(left, right, mine[number], entries.shapes[left])
                continue
            known = kinds[kind]
            received = self._received(number) if known.shape else mine[number] or None
            if received is None:
                continue
            if known.name == "total":
                self._give(known.left, left, received * by_left, known.left.shape, totals)
            else:
                self._operation(entries, number, known, left, right, by_left, by_right, received, totals)

    def _pick(self, array: int, position: int, gradient: float, shape: tuple[int, ...]) -> None:
        if gradient == 0.0:
            return
        picked = self._picked.get(array)
        if picked is None:
            picked = self._picked[array] = np.zeros(shape)
        picked.reshape(-1)[position] += gradient

    def _received(self, number: int) -> Array | float | None:
        whole, picked = self.arrays.pop(number, None), self._picked.pop(number, None)
        if whole is None or picked is None:
            return picked if whole is None else whole
        return whole + picked

    def _operation(
        self, entries: Entries, number: int, kind: Kind, left: int, right: int, by_left: float, by_right: float,
        gradient: Array | float, totals: dict[int, Array],
    ) -> None:  # fmt: skip
        name, one, other, shape = kind
        if name == "sum" or name == "difference":
            self._give(one, left, gradient, shape, totals)
            self._give(other, right, gradient if name == "sum" else -gradient, shape, totals)
            return
        kept = entries.kept.get(number, _NOTHING)
        shape = shape or one.shape
        if one.what != "constant":
            factor = entries.value(other, right, by_right, kept[1])
            self._give(one, left, gradient * factor, shape, totals)
        if other.what != "constant":
            factor = entries.value(one, left, by_left, kept[0])
            self._give(other, right, gradient * factor, shape, totals)

    def _give(
        self, to: Operand, code: int, gradient: Array | float, shape: tuple[int, ...], totals: dict[int, Array]
    ) -> None:
        what = to.what
        if what == "constant":
            return
        if isinstance(gradient, np.ndarray) and gradient.shape != shape:
            gradient = np.broadcast_to(gradient, shape)  # its other factor was the smaller one
        if to.shape != shape:
            gradient = spread(gradient, shape, to.shape)
        if what == "part":
            view: Array = np.ndarray(to.shape, np.float64, totals[~code >> SHIFT], 8 * (~code & MASK), to.strides)
            view += gradient
        elif what == "wide":
            self.add_array(code, gradient)
        elif code >= 0:
            self.numbers[code] += gradient
        else:
            totals[~code >> SHIFT][~code & MASK] += gradient
