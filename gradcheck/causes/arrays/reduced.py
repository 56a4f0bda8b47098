"""A gradient that is the same along an axis: summed, averaged or taken from one place, then broadcast back."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates"]


def _first(array: Array, axis: int | tuple[int, ...]) -> Array:
    return _end(array, axis, 0)


def _last(array: Array, axis: int | tuple[int, ...]) -> Array:
    return _end(array, axis, -1)


def _end(array: Array, axis: int | tuple[int, ...], at: int) -> Array:
    for a in (axis,) if isinstance(axis, int) else axis:
        array = np.take(array, [at], a)
    return array


def _sum(array: Array, axis: int | tuple[int, ...]) -> Array:
    return np.asarray(np.sum(array, axis, keepdims=True))


def _mean(array: Array, axis: int | tuple[int, ...]) -> Array:
    return np.asarray(np.mean(array, axis, keepdims=True))


_WAYS: tuple[tuple[str, Callable[[Array, tuple[int, ...]], Array]], ...] = (
    ("the sum", _sum),
    ("the mean", _mean),
    ("the first entry", _first),
    ("the last entry", _last),
)


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """For each set of axes along which yours is constant."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if true.shape != yours.shape or not np.any(yours):
        return
    for axes in _constant(yours):
        if np.array_equal(_mean(true, axes), true):
            continue
        along = " and ".join(str(a) for a in axes)
        which = f"ax{'e' if len(axes) > 1 else 'i'}s {along}" if true.ndim > 1 else "its only axis"
        for word, way in _WAYS:
            yield Candidate(
                "GC214",
                f"has {word} of the true gradient along {which} everywhere",
                (name,),
                transform=functools.partial(_reduced, axes=axes, way=way),
                help=(f"keep {which} apart: no reduction with keepdims=True there, and no broadcast back",),
                short=f"{word} along {which} broadcast",
                cost=0.5,
            )


def _constant(yours: Array) -> list[tuple[int, ...]]:
    """The axes along which it does not change, all together first, then in smaller sets."""
    axes = [a for a, n in enumerate(yours.shape[:4]) if n > 1 and _is_constant(yours, a)]
    sets = [c for count in range(len(axes), 0, -1) for c in itertools.combinations(axes, count)]
    return sets[:3]


def _is_constant(yours: Array, axis: int) -> bool:
    return norm(yours - _first(yours, axis)) <= 1e-9 * norm(yours)


def _reduced(
    case: Case,  # noqa: ARG001  # as all transforms
    name: str,  # noqa: ARG001
    true: Array,
    axes: tuple[int, ...],
    way: Callable[[Array, tuple[int, ...]], Array],
) -> Array | None:
    return np.broadcast_to(way(true, axes), true.shape) if true.ndim > max(axes) else None
