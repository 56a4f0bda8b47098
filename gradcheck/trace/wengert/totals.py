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

    __slots__ = ("arrays", "begins", "views")

    def __init__(self, sources: Sequence[Reader]) -> None:
        self.begins = [source.begin for source in sources]
        self.arrays = [source.total.array(_FLOAT64) for source in sources]
        # Single numbers are added to more quickly through these; their type knows bytes only.
        self.views: list[Any] = [array.data for array in self.arrays]

    def add(self, code: int, gradient: float) -> None:
        """Add to the gradient of one entry."""
        k = bisect.bisect_right(self.begins, ~code) - 1
        self.views[k][~code - self.begins[k]] += gradient

    def part(self, code: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> Array:
        """The gradients of a part, to be added to."""
        k = bisect.bisect_right(self.begins, ~code) - 1
        return np.ndarray(shape, np.float64, self.arrays[k], 8 * (~code - self.begins[k]), strides)
