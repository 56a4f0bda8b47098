"""The gradients of entries that are numbers, during one backward pass: only of those that it is at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Blocks"]

Array = npt.NDArray[Any]

_SIZE = 4096


class Blocks:
    """One number for each entry, in blocks of 4,096 that are made when needed and dropped when gone through.

    A loop's entries give their gradients to those shortly before them: of a million entries, a block or two are there
    at a time. What PyTorch hands in for many at once waits beside them, for every block to take its own.
    """

    __slots__ = ("_blocks", "_waiting")

    def __init__(self) -> None:
        self._blocks: dict[int, Array] = {}
        self._waiting: list[tuple[Array, Array]] = []

    def add(self, number: int, gradient: float) -> None:
        """Add to the gradient of one entry."""
        self._block(number // _SIZE)[number % _SIZE] += gradient

    def add_all(self, numbers: Array, gradients: Array) -> None:
        """Add to the gradients of these entries; one of them may occur several times."""
        numbers, gradients = numbers.reshape(-1), gradients.reshape(-1)
        if (numbers[1:] < numbers[:-1]).any():
            order = np.argsort(numbers, kind="stable")
            numbers, gradients = numbers[order], gradients[order]
        if numbers.size > _SIZE:
            for which, block in self._blocks.items():
                _take(which, block, numbers, gradients)
            self._waiting.append((numbers, gradients))
            return
        for which in np.unique(numbers // _SIZE).tolist():
            _take(which, self._block(which), numbers, gradients)

    def backwards(self, begin: int, end: int) -> Iterator[tuple[int, int, int, Any]]:
        """The entries between two numbers, by blocks from the last: from where to where, and the block.

        The block comes as the number of its first entry and a view that single numbers are quickly added to.
        """
        for which in range((end - 1) // _SIZE, begin // _SIZE - 1, -1):
            first = which * _SIZE
            yield max(first, begin), min(first + _SIZE, end), first, self._block(which).data
            if first >= begin and first + _SIZE <= end:  # else another stretch has a share in it
                del self._blocks[which]

    def _block(self, which: int) -> Array:
        block = self._blocks.get(which)
        if block is None:
            block = self._blocks[which] = np.zeros(_SIZE)
            for numbers, gradients in self._waiting:
                _take(which, block, numbers, gradients)
        return block


def _take(which: int, block: Array, numbers: Array, gradients: Array) -> None:
    """Add to one block what belongs there; the numbers ascend."""
    low, high = np.searchsorted(numbers, [which * _SIZE, (which + 1) * _SIZE])
    np.add.at(block, numbers[low:high] - which * _SIZE, gradients[low:high])
