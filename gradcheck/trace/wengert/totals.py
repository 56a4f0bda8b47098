"""Where the gradients of the sources' entries are added up during one backward pass."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.trace.reads import Reader

__all__ = ["Totals"]

Array = npt.NDArray[Any]

_FLOAT64 = np.dtype(np.float64)


class Totals:
    """The sums of these sources, in the order of their addresses."""

    __slots__ = ("arrays", "begins", "values", "views")

    def __init__(self, sources: Sequence[Reader]) -> None:
        self.begins = [source.begin for source in sources]
        self.arrays = [source.total.array(_FLOAT64) for source in sources]
        # Single numbers are added to more quickly through these; their type knows bytes only.
        self.views: list[Any] = [array.data for array in self.arrays]
        self.values: list[Any] = [source.values.data for source in sources]

    def add(self, code: int, gradient: float) -> None:
        """Add to the gradient of one entry."""
        k = bisect.bisect_right(self.begins, ~code) - 1
        self.views[k][~code - self.begins[k]] += gradient

    def product(self, left: int, right: int, gradient: float) -> None:
        """Add to the gradients of two entries what their product passes on: its own, times the other's value."""
        at_left, at_right = ~left, ~right
        k = bisect.bisect_right(self.begins, at_left) - 1
        n = bisect.bisect_right(self.begins, at_right) - 1
        at_left -= self.begins[k]
        at_right -= self.begins[n]
        self.views[k][at_left] += gradient * self.values[n][at_right]
        self.views[n][at_right] += gradient * self.values[k][at_left]

    def part(self, code: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
        """The gradients of a part, to be added to."""
        k = bisect.bisect_right(self.begins, ~code) - 1
        return np.ndarray(shape, np.float64, self.arrays[k], 8 * (~code - self.begins[k]), strides)
