"""A gradient that belongs to another array, or a part of it that belongs to another part."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates"]

_ALIKE = 1e-6
_PARTS = (2, 3, 4)


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Swapped with another, a copy of another (as it should be, or as yours is), a block that is another block."""
    case = stage.case
    yours, true = case.yours[name], stage.prediction[name]
    if yours.shape != true.shape or yours.size < 2:
        return
    called = case.called(name)
    for other in (n for n in case.yours if n != name and case.true[n].shape == true.shape):
        theirs = case.called(other)
        if _same(yours, case.true[other]) and _same(case.yours[other], case.true[name]):
            yield Candidate(
                "GC212",
                "is swapped with one another",
                (name, other),
                transform=functools.partial(_swapped, pair=(name, other)),
                help=(f"return {called} where {theirs} stands, and {theirs} where {called} stands",),
                short=f"swapped with {theirs}",
                cost=0.4,
            )
        elif _same(yours, case.true[other]):
            yield Candidate(
                "GC212",
                f"is the gradient {theirs} of another array, {other}",
                (name,),
                transform=functools.partial(_others, other=other, wanted=True),
                help=(f"compute {called} from what reaches {name}: it is a copy of {theirs}",),
                short=f"a copy of {theirs}",
                cost=0.5,
            )
        elif _same(yours, case.yours[other]):
            yield Candidate(
                "GC212",
                f"is the same as your {theirs}, which is wrong too",
                (name,),
                transform=functools.partial(_others, other=other, wanted=False),
                help=(f"compute {called} from what reaches {name}: it is a copy of {theirs}",),
                short=f"a copy of your {theirs}",
                cost=1.2,
            )
    yield from _blocks(called, name, yours, true)


def _blocks(called: str, name: str, yours: Array, true: Array) -> Iterator[Candidate]:
    for axis, length in enumerate(true.shape[:4]):
        for count in (c for c in _PARTS if length % c == 0 and length > c):
            mine, wanted = np.split(yours, count, axis), np.split(true, count, axis)
            order = [_source(part, k, wanted) for k, part in enumerate(mine)]
            moved = [(k, source) for k, source in enumerate(order) if source != k]
            if -1 in order or not moved:
                continue
            says = ", ".join(f"block {k} is block {source}" for k, source in moved)
            along = " along the last axis" if axis == true.ndim - 1 else f" along axis {axis}"
            yield Candidate(
                "GC212",
                f"has its {count} blocks{along} mixed up: {says} (from 0)",
                (name,),
                transform=functools.partial(_reordered, axis=axis, order=tuple(order)),
                help=(f"give each of the {count} blocks of {called} its own gradient: a gate's name was copied",),
                short="a block of it copied",
                cost=0.5,
            )
            return


def _source(part: Array, k: int, wanted: list[Array]) -> int:
    """The number of the block that ``part`` is, if it can be its own; -1 for none."""
    return next((j for j in (k, *range(len(wanted))) if _same(part, wanted[j])), -1)


def _same(left: Array, right: Array) -> bool:
    if left.shape != right.shape or not np.any(right):
        return False
    return bool(norm(left - right) <= _ALIKE * norm(left))


def _swapped(case: Case, name: str, true: Array, pair: tuple[str, str]) -> Array | None:
    wanted = case.true.get(pair[1] if name == pair[0] else pair[0])
    return wanted if wanted is not None and wanted.shape == true.shape else None


def _others(case: Case, name: str, true: Array, other: str, *, wanted: bool) -> Array | None:  # noqa: ARG001  # as all transforms
    found = (case.true if wanted else case.yours).get(other)
    return found if found is not None and found.shape == true.shape else None


def _reordered(case: Case, name: str, true: Array, axis: int, order: tuple[int, ...]) -> Array | None:  # noqa: ARG001  # as all transforms
    if true.ndim <= axis or true.shape[axis] % len(order):
        return None
    blocks = np.split(true, len(order), axis)
    return np.concatenate([blocks[k] for k in order], axis)
