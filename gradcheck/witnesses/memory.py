"""New values for arrays that may share memory: a view of a replaced array becomes a view of its replacement."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from gradcheck.state.same_view import same_view

__all__ = ["replacements"]

Array = np.ndarray[Any, Any]


def _owner(array: Array) -> Array:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def replacements(
    arrays: Sequence[Array],
    values: Sequence[tuple[Array, Array]],
    dtype: Any = None,
    spare: Collection[int] = (),
) -> dict[int, Array]:
    """Map ``id(old)`` to a new array for every array in ``arrays`` that shares memory with a changed one.

    ``values`` pairs each changed array with what it shall hold. A flat parameter vector and the matrices that are
    views of it, or a matrix and its transpose kept beside it, go on sharing memory, in the new dtype as well.
    Values whose ids are in ``spare`` are nobody else's: they need not be copied.
    """
    groups: dict[int, list[Array]] = {}
    for array in arrays:
        groups.setdefault(id(_owner(array)), []).append(array)
    new: dict[int, Array] = {}
    bases: dict[int, Array] = {}
    changed = [old for old, _ in values]
    for old, value in values:
        group = groups.get(id(_owner(old)), [old])
        alone = all(any(member is other for other in changed) for member in group)
        # two inputs cut from one array (x = seq[:-1], y = seq[1:]) are two variables all the same
        if alone or value.shape != old.shape or _overlaps_another(old, changed):
            new[id(old)] = value if id(value) in spare and value.flags.c_contiguous else value.copy()
            continue
        owner = _owner(old)
        if id(owner) not in bases:
            target = value.dtype if dtype is None else dtype
            bases[id(owner)] = owner.astype(target, order="K")
            for member in group:
                new[id(member)] = same_view(member, owner, bases[id(owner)])
        new.setdefault(id(old), same_view(old, owner, bases[id(owner)]))[...] = value
    return new


def _overlaps_another(array: Array, arrays: Sequence[Array]) -> bool:
    return any(other is not array and np.may_share_memory(array, other) for other in arrays)
