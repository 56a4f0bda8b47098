"""Other sizes for the arrays among the arguments: those that are free, and those that several arrays share."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.sweep.call import Call

__all__ = ["sizes_of"]

Axis = tuple[str, int]
Shapes = dict[str, tuple[int, ...]]


def sizes_of(call: Call, runs: Callable[[Call], bool]) -> tuple[list[Shapes], list[Shapes], list[str]]:
    """Shapes by name with which the forward still runs: one size changed, a shared size changed; and axes that stay.

    A size that may be 1 and nothing else is no free one: NumPy repeats the array along that axis, and its gradient
    would have to be summed there. Sizes that are equal and not free are changed together, all of them or two; the
    rest with a free one of another array.
    """
    arrays = {n: a for n in call.names() if isinstance(a := call.argument(n), np.ndarray) and a.dtype.kind in "fiu"}
    shapes: Shapes = {name: array.shape for name, array in arrays.items()}
    free: dict[Axis, list[Shapes]] = {}
    bound: list[Axis] = []
    for name, shape in shapes.items():
        for axis, size in enumerate(shape):
            found = list(_running(call, shapes, [(name, axis)], size, runs))
            if found:
                free[name, axis] = found
            else:
                bound.append((name, axis))
    shared: list[Shapes] = []
    moved: set[Axis] = set()
    for size in dict.fromkeys(shapes[name][axis] for name, axis in bound):
        equal = [(name, axis) for name, axis in bound if shapes[name][axis] == size]
        for group in _groups(equal):
            if moved.isdisjoint(group) and (found := list(_running(call, shapes, group, size, runs))):
                shared += found
                moved.update(group)
    for name, axis in [axis for axis in bound if axis not in moved]:
        # a loss may take more samples than labels, not fewer: the batch is varied with the labels, and not without
        size = shapes[name][axis]
        for partner in [other for other in free if other[0] != name and shapes[other[0]][other[1]] == size]:
            if found := list(_running(call, shapes, [(name, axis), partner], size, runs)):
                shared += found
                moved.add((name, axis))
                del free[partner]
                break
    return (
        [change for found in free.values() for change in found],
        shared,
        [f"axis {axis} of {name}" for name, axis in bound if (name, axis) not in moved],
    )


def _groups(equal: list[Axis]) -> Iterator[tuple[Axis, ...]]:
    if len(equal) > 1:
        yield tuple(equal)
    if len(equal) > 2:
        yield from itertools.combinations(equal, 2)


def _running(
    call: Call, shapes: Mapping[str, tuple[int, ...]], axes: Iterable[Axis], size: int, runs: Callable[[Call], bool]
) -> Iterator[Shapes]:
    """The shapes with 1, one more and two more along these axes; none where only the 1 runs."""
    axes = list(axes)
    made = {other: _with(shapes, axes, other) for other in dict.fromkeys((1, size + 1, size + 2)) if other != size}
    fit = {other: change for other, change in made.items() if runs(_redrawn(call, change))}
    larger = [other for other in fit if other > size]
    # from 1 up, one of the two may be just the size that the array is repeated along
    if len(larger) == 2 or (larger and size > 1):
        yield from fit.values()


def _with(shapes: Mapping[str, tuple[int, ...]], axes: Iterable[Axis], size: int) -> Shapes:
    changed: dict[str, list[int]] = {}
    for name, axis in axes:
        changed.setdefault(name, list(shapes[name]))[axis] = size
    return {name: tuple(shape) for name, shape in changed.items()}


def _redrawn(call: Call, shapes: Mapping[str, Any]) -> Call:
    for name, shape in shapes.items():
        call = call.redrawn(name, shape)
    return call
