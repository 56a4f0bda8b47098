"""Going through the entries backwards: each gives its gradient, times its partial derivatives, to its operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.trace.wengert.blocks import Blocks
from gradcheck.trace.wengert.columns import LINEAR, PICK, PLUS, PRODUCT, SINGLE, WIDE, Ends
from gradcheck.trace.wengert.kinds import Kind, Operand, spread
from gradcheck.trace.wengert.totals import Totals

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["Pass"]

Array = npt.NDArray[Any]
_NOTHING = (None, None)


class Pass:
    """The gradients of all entries in one backward pass: those of numbers in blocks, arrays by the entry's number."""

    def __init__(self) -> None:
        self.numbers = Blocks()
        self.arrays: dict[int, Array | float] = {}
        self._picked: dict[int, Array] = {}

    def add_array(self, number: int, gradient: Array | float) -> None:
        """The gradient of an entry that is an array, or one number for all of it."""
        known = self.arrays.get(number)
        self.arrays[number] = gradient if known is None else known + gradient

    def replay(self, entries: Entries, begin: Ends, end: Ends, totals: Totals) -> None:
        """Pass on the gradients of the entries between two times; those of sources are added to ``totals``."""
        kinds = entries.kinds
        kinds_of, code, factor, more = entries.columns.backwards(end)
        for low, high, first, mine in self.numbers.backwards(begin.kinds, end.kinds):
            # What an entry received is read when its turn comes: then all later ones have given.
            received = reversed(mine[low - first : high - first])
            for number, kind, gradient in zip(range(high - 1, low - 1, -1), kinds_of(low, high), received, strict=True):
                if kind == PRODUCT:
                    right, left = code(), code()
                    if gradient != 0.0:
                        totals.product(left, right, gradient)
                    continue
                if kind == WIDE:
                    known = kinds[more()]
                    codes, factors = ((code(), code()), (0.0, 0.0)) if known.is_bare else _operands(known, code, factor)
                    given = self._received(number) if known.shape else gradient or None
                    if given is not None:
                        self._wide(entries, number, known, codes, factors, given, totals)
                    continue
                if kind == PICK:
                    array = code()
                    self._pick(array, more(), gradient, entries.shapes[array])
                    continue
                if kind == SINGLE:
                    left, given = code(), gradient * factor()
                else:
                    right = code()
                    given = gradient * factor() if kind == LINEAR else gradient if kind == PLUS else -gradient
                    if gradient != 0.0:
                        if right >= first:
                            mine[right - first] += given
                        elif right >= 0:
                            self.numbers.add(right, given)
                        else:
                            totals.add(right, given)
                    left, given = code(), gradient * factor() if kind == LINEAR else gradient
                if gradient != 0.0:
                    if left >= first:
                        mine[left - first] += given
                    elif left >= 0:
                        self.numbers.add(left, given)
                    else:
                        totals.add(left, given)

    def _pick(self, array: int, position: int, gradient: float, shape: tuple[int, ...]) -> None:
        if gradient == 0.0:
            return
        picked = self._picked.get(array)
        if picked is None:
            picked = self._picked[array] = np.zeros(shape)
        picked.reshape(-1)[position] += gradient

    def _received(self, number: int) -> Array | float | None:
        whole = self.arrays.pop(number, None)
        picked = self._picked.pop(number, None) if self._picked else None
        if whole is None or picked is None:
            return picked if whole is None else whole
        return whole + picked

    def _wide(
        self, entries: Entries, number: int, kind: Kind, codes: tuple[int, int], factors: tuple[float, float],
        gradient: Array | float, totals: Totals,
    ) -> None:  # fmt: skip
        name, one, other, shape, _ = kind
        (right, left), (by_right, by_left) = codes, factors
        if name == "total":
            self._give(one, left, gradient if other.what == "nothing" else gradient * by_right, one.shape, totals)
            return
        if name == "sum" or name == "difference":
            self._give(one, left, gradient, shape, totals)
            self._give(other, right, gradient if name == "sum" else -gradient, shape, totals)
            return
        shape = shape or one.shape
        if one.what == other.what == "part" and one.shape == other.shape:
            # the window of a loop and its kernel: nothing is spread, and nothing kept
            given = totals.part(left, shape, one.strides)
            given += entries.value(other, right, by_right, None) * gradient
            given = totals.part(right, shape, other.strides)
            given += entries.value(one, left, by_left, None) * gradient
            return
        kept = entries.kept.get(number, _NOTHING)
        if one.what != "constant":
            factor = entries.value(other, right, by_right, kept[1])
            self._give(one, left, gradient * factor, shape, totals)
        if other.what != "constant":
            factor = entries.value(one, left, by_left, kept[0])
            self._give(other, right, gradient * factor, shape, totals)

    def _give(self, to: Operand, code: int, gradient: Array | float, shape: tuple[int, ...], totals: Totals) -> None:
        what = to.what
        if what == "constant":
            return
        if isinstance(gradient, np.ndarray) and gradient.shape != shape:
            gradient = np.broadcast_to(gradient, shape)  # its other factor was the smaller one
        if to.shape != shape:
            gradient = spread(gradient, shape, to.shape)
        if what == "part":
            view = totals.part(code, to.shape, to.strides)
            view += gradient
        elif what == "wide":
            self.add_array(code, gradient)
        elif code >= 0:
            self.numbers.add(code, float(gradient))
        else:
            totals.add(code, float(gradient))


def _operands(
    kind: Kind, code: Callable[[], int], factor: Callable[[], float]
) -> tuple[tuple[int, int], tuple[float, float]]:
    """What an entry of this kind holds of its right and its left operand."""
    right, left = kind.right, kind.left
    return (
        (code() if right.has_code else 0, code() if left.has_code else 0),
        (factor() if right.has_factor else 0.0, factor() if left.has_factor else 0.0),
    )
