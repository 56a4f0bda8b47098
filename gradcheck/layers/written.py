"""Which arrays a backward writes: a constant called ``dx``, the step of a grid, is no gradient for its name."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layers.reach import Path
from gradcheck.layers.values import is_array, is_number, shape_of

__all__ = ["Standing"]

Again = Callable[[Callable[[], None]], None]


class Standing:
    """What stood, before a backward, in the places that are called like gradients.

    Args:
        held: every array and number that could be found then.
    """

    def __init__(self, held: Iterable[tuple[Path, Any]]) -> None:
        # only what is called like a gradient is asked for later: the copy of a whole data set would be for nothing
        named = [(path, value) for path, value in held if path.gradient_of()]
        self._held = {path: (value, value.copy() if is_array(value) else value) for path, value in named}

    def untouched(self, path: Path, value: Any) -> bool:
        """Whether ``value``, found there after a backward, is what stood there before it, in every entry."""
        if path not in self._held:
            return False
        stood, copied = self._held[path]
        return stood is value and (not is_array(value) or _same(value, copied))

    def constants(
        self, gradients: Mapping[str, Path], shapes: Mapping[str, tuple[int, ...] | None], again: Again
    ) -> set[Path]:
        """Those of the ``gradients`` found by name that the backward was not seen to write.

        Args:
            gradients: after a backward: the place of each gradient, by the name of what it is the gradient of.
            shapes: the shapes of those, ``None`` where there is none.
            again: runs forward and backward once more, calling what it is given before the backward, and puts
                everything back.
        """
        found: set[Path] = set()
        doubtful = []
        for name, path in gradients.items():
            value = path.get()
            if not self.untouched(path, value):
                continue
            if not is_array(value) or value.shape != shapes.get(name):
                found.add(path)
            elif np.any(value):
                doubtful.append(path)
            # zeros stay: a gradient of zeros may have been added to them, and setting them to zero does no harm
        return found | _unwritten(doubtful, again)


def is_single(value: Any, shape: tuple[int, ...] | None) -> bool:
    """Whether ``value`` is one number beside an array of another ``shape``: no gradient of it."""
    return is_number(value) and shape != shape_of(value)


def _unwritten(paths: Sequence[Path], again: Again) -> set[Path]:
    """The backward may have put the same numbers where they stood: does it write over others?"""
    left = {path for path in paths if path.get().flags.writeable}
    never = set(paths) - left
    others: dict[Path, Any] = {}

    def fill() -> None:
        for path in left:
            value = path.get()
            value[...] = ~value if value.dtype.kind == "b" else value + 1
            others[path] = value, value.copy()

    with contextlib.suppress(Exception):  # not numbers that it can work with: what they were becomes of no matter
        again(fill, lambda: left.difference_update(_changed(others)))
    return never | {path for path in left if not _refuses_to_be_fixed(path, again)}


def _same(value: Any, other: Any) -> bool:
    return bool(np.array_equal(value, other, equal_nan=value.dtype.kind in "fc"))
