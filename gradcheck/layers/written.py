"""Which arrays a backward writes: a constant called ``dx``, the step of a grid, is no gradient."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.layers.reach import Path
from gradcheck.layers.values import is_array, shape_of
from gradcheck.state import Snapshot

__all__ = ["Rehearsal", "Standing"]


@dataclass(frozen=True)
class Rehearsal:
    """One more forward and backward, after which everything is put back."""

    snapshot: Callable[[], Snapshot]
    forward: Callable[[], object]
    backward: Callable[[], object]

    def run(self, prepare: Callable[[], None], look: Callable[[], None]) -> None:
        """Call ``prepare`` before the backward, and ``look`` after it, also where it raised."""
        snapshot = self.snapshot()
        try:
            self.forward()
            prepare()
            with np.errstate(all="ignore"):
                self.backward()
        finally:
            look()
            snapshot.restore()


class Standing:
    """What stood, before a backward, in the places that are called like gradients.

    Args:
        held: every array and number that could be found then.
    """

    def __init__(self, held: Iterable[tuple[Path, Any]]) -> None:
        # nothing else is asked for later: the copy of a whole data set would be for nothing
        named = [(path, value) for path, value in held if path.gradient_of()]
        self._held = {path: (value, value.copy() if is_array(value) else value) for path, value in named}

    def untouched(self, path: Path, value: Any) -> bool:
        """Whether ``value``, found there after a backward, is what stood there before it, in every entry."""
        if path not in self._held:
            return False
        stood, copied = self._held[path]
        return stood is value and (not is_array(value) or _same(value, copied))

    def constants(
        self,
        gradients: Mapping[str, Path],
        shapes: Mapping[str, tuple[int, ...] | None],
        inputs: Collection[str],
        rehearsal: Rehearsal,
    ) -> set[Path]:
        """Those of the ``gradients`` found by name that the backward was not seen to write.

        Args:
            gradients: after a backward: the place of each gradient, by the name of what it is the gradient of.
            shapes: the shapes of those, ``None`` where there is none.
            inputs: which of those names are inputs. One number is no gradient of an array that is an input; of a
                parameter it is a gradient of the wrong shape.
            rehearsal: another forward and backward.
        """
        found: set[Path] = set()
        doubtful = []
        for name, path in gradients.items():
            value, shape = path.get(), shapes.get(name)
            if name in inputs and shape_of(value) == () != shape:
                found.add(path)
            elif not self.untouched(path, value):
                continue
            elif not is_array(value) or value.shape != shape:
                found.add(path)
            elif np.any(value):
                doubtful.append(path)
            # zeros stay: zeros may have been added to them, and setting them to zero does no harm
        return found | _never_written(doubtful, rehearsal) if doubtful else found


def _never_written(paths: Sequence[Path], rehearsal: Rehearsal) -> set[Path]:
    """The backward may have put the same numbers where they stood, or added zeros: it is tried with others."""
    left = set(paths)
    filled: dict[Path, tuple[Any, Any]] = {}

    def fill() -> None:
        for path in paths:
            value = path.get()
            if value.flags.writeable:
                value[...] = ~value if value.dtype.kind == "b" else value + 1
            filled[path] = value, value.copy()

    def look() -> None:
        left.difference_update(p for p, (value, copied) in filled.items() if p.get() is not value)
        left.difference_update(p for p, (value, copied) in filled.items() if not _same(value, copied))

    with contextlib.suppress(Exception):  # other numbers may not be to its liking: it has written by then or it has not
        rehearsal.run(fill, look)
    return {path for path in left if not _is_written_in_place(path, rehearsal)}


def _is_written_in_place(path: Path, rehearsal: Rehearsal) -> bool:
    """Whether the backward fails when it may only read the array: zeros that are added change nothing else."""
    held: list[Any] = []

    def lock() -> None:
        value = path.get()
        if value.flags.writeable:
            value.flags.writeable = False
            held.append(value)

    def unlock() -> None:
        for value in held:
            value.flags.writeable = True

    try:
        rehearsal.run(lock, unlock)
    except Exception as error:
        return bool(held) and "read-only" in str(error)
    return False


def _same(value: Any, other: Any) -> bool:
    if value.shape != other.shape:
        return False
    return bool(np.array_equal(value, other, equal_nan=value.dtype.kind in "fc"))
