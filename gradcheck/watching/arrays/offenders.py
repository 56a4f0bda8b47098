"""Which operands made an entry bad: their values at it, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.watching.arrays.words import Source

__all__ = ["Offender", "first_bad", "in_words", "offenders"]

_REDUCTIONS = frozenset(["sum", "mean", "prod", "std", "var", "max", "min", "norm", "cumsum", "cumprod", "nansum"])
_MOST = 4


@dataclass(frozen=True, slots=True)
class Offender:
    """One operand at the entry in question. ``value`` is None where the operation has overwritten it."""

    position: int
    index: tuple[int, ...] | None
    value: Any
    largest: bool = False  # not the one entry that matters, but the largest of the operand


def first_bad(bad: np.ndarray[Any, Any], output: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """The first bad entry, a NaN before an infinity. ``bad`` marks them; () for a scalar."""
    nans = bad & np.isnan(output)
    wanted = nans if nans.any() else bad
    return tuple(int(i) for i in np.unravel_index(int(wanted.argmax()), wanted.shape))


def offenders(
    function: Any,
    elementwise: bool,
    inputs: Sequence[Any],
    keywords: Mapping[str, Any],
    index: tuple[int, ...],
    overwritten: Sequence[int] = (),
) -> tuple[Offender, ...]:
    """The operands' entries that made ``output[index]``."""
    if elementwise:
        return tuple(_at(i, x, index, i in overwritten) for i, x in enumerate(inputs) if _is_number(x))
    name = getattr(function, "__name__", "")
    if name in ("matmul", "dot") and len(inputs) >= 2:
        found = _product(np.asarray(inputs[0]), np.asarray(inputs[1]), index)
        if found:
            return found
    inputs = [x if np.size(x) else None for x in inputs]  # nothing can be said of no entries
    if name in _REDUCTIONS and inputs and isinstance(inputs[0], np.ndarray):
        axis = keywords.get("axis", inputs[1] if len(inputs) > 1 else None)
        return (_reduced(inputs[0], axis, index),)
    return tuple(_largest(i, x) for i, x in enumerate(inputs) if isinstance(x, np.ndarray) and _is_number(x))[:_MOST]


def in_words(found: Sequence[Offender], source: Source) -> tuple[str, ...]:
    """``x[3, 0] = 712.4`` and the like, with the operands' names in the source."""
    words = []
    for offender in found[:_MOST]:
        name = source.name(offender.position)
        if re.fullmatch(r"-?\d[\d.e+-]*", name):
            continue  # a number in the source
        shown = name or f"operand {offender.position + 1}"
        if name and not re.fullmatch(r"[\w.]+(\[[\w:, ]+\])*", name) and offender.index:
            shown = f"({name})"
        if offender.index:
            shown += f"[{', '.join(map(str, offender.index))}]"
        if offender.value is None:
            words.append(f"{shown} was overwritten by the result")
        else:
            words.append(f"{shown} = {_number(offender.value)}" + (", its largest entry" if offender.largest else ""))
    return tuple(words)


def _number(value: Any) -> str:
    return f"{value:.6g}" if not isinstance(value, complex | np.complexfloating) else f"{complex(value):.6g}"


def _is_number(x: Any) -> bool:
    if isinstance(x, np.ndarray | np.generic):
        return x.dtype.kind in "fciu"
    return isinstance(x, int | float) and not isinstance(x, bool)


def _at(position: int, x: Any, index: tuple[int, ...], overwritten: bool) -> Offender:
    shape = np.shape(x)
    tail = index[len(index) - len(shape) :] if len(shape) <= len(index) else (0,) * len(shape)
    place = tuple(i if n > 1 else 0 for i, n in zip(tail, shape, strict=True))
    if overwritten:
        return Offender(position, place, None)
    return Offender(position, place or None, x[place] if isinstance(x, np.ndarray) else x)


def _product(left: Any, right: Any, index: tuple[int, ...]) -> tuple[Offender, ...]:
    """The largest term of the sum that makes one entry of a matrix product of at most two dimensions each."""
    if not (1 <= left.ndim <= 2 and 1 <= right.ndim <= 2):
        return ()
    row = index[:1] if left.ndim == 2 else ()
    column = index[-1:] if right.ndim == 2 else ()
    with np.errstate(all="ignore"):
        a, b = left[row] if row else left, right[:, column[0]] if column else right
        size = np.abs(a * b)
        k = int(np.where(np.isnan(size), np.inf, size).argmax())
    return Offender(0, (*row, k), a[k]), Offender(1, (k, *column), b[k])


def _reduced(x: Any, axis: Any, index: tuple[int, ...]) -> Offender:
    if axis is None or not isinstance(axis, int | tuple):
        return _largest(0, x)
    reduced = {a % x.ndim for a in (axis if isinstance(axis, tuple) else (axis,))}
    kept = list(index if len(index) == x.ndim else index[::-1])
    place: list[Any] = []
    for i in range(x.ndim):
        if len(index) == x.ndim:  # keepdims
            place.append(slice(None) if i in reduced else kept[i])
        else:
            place.append(slice(None) if i in reduced else kept.pop())
    part = x[tuple(place)]
    inner = _largest(0, part).index or ()
    rest = list(inner)[::-1]
    full = tuple(rest.pop() if isinstance(p, slice) else p for p in place)
    return Offender(0, full, x[full])


def _largest(position: int, x: Any) -> Offender:
    with np.errstate(all="ignore"):
        size = np.abs(x)
        flat = int(np.where(np.isnan(size), np.inf, size).argmax()) if x.size else 0
    index = tuple(int(i) for i in np.unravel_index(flat, x.shape)) if x.size else ()
    return Offender(position, index or None, x[index] if x.size else None, largest=True)
