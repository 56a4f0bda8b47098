"""The numbers of a problem that are exactly 0 or 1: options and attributes at which a factor or a term is not seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from gradcheck.layers.problem import Problem
from gradcheck.layers.spelling import is_target_name
from gradcheck.layers.values import is_array
from gradcheck.state import Slot

__all__ = ["Neutral", "neutral_scalars"]

# What is a factor or a strength though it was written as a whole number; a stride, an axis or a count of 1 is none.
_FACTOR = re.compile(
    r"(.*_)?(lam|lambd?a?_?|reg(ulari[sz]ation)?|l1|l2|alpha|beta|gamma|scale|slope|decay|tau|temp(erature)?|smoothing|"
    r"margin|delta|factor|coeff?(icient)?|strength|weight_decay|penalty)"
)
_OTHER = {0.0: 0.4, 1.0: 0.6}


class Neutral(NamedTuple):
    """Such a number: the place that holds it, or would hold it were it given; its value; another of its kind."""

    slot: Slot
    value: float
    other: Any


def neutral_scalars(problem: Problem) -> list[Neutral]:
    """Those among the arguments and options, in dicts among these, in attributes of the object, and by default.

    The ``path`` of a slot is its name. A number that is checked as a variable of its own is not among them, and neither
    is a target: a label of 1 is no factor, and its gradient may hold for 0 and 1 alone.
    """
    asked = [v for v in problem.variables if v.differentiated]
    places, arrays = {(id(s.container), s.key) for v in asked for s in v.slots}, {id(v.array) for v in asked}
    names: Sequence[str] = getattr(problem, "names", ())
    found = [
        one
        for root in problem.roots
        for one in _held(root, names if root is getattr(problem, "arguments", None) else (), deep=True)
        if (id(one.slot.container), one.slot.key) not in places and id(one.slot.get()) not in arrays
    ]
    options = getattr(problem, "keywords", {})
    found += [
        Neutral(Slot(options, name, "item", name), float(value), other)
        for name, value in problem.left_at_default().items()
        if (other := _other(name, value)) is not None
    ]
    return [one for one in found if not is_target_name(one.slot.path)]


def _held(holder: object, names: Sequence[str], deep: bool) -> Iterator[Neutral]:
    if isinstance(holder, dict):
        items, kind = list(holder.items()), "item"
    elif isinstance(holder, list):
        items, kind = list(enumerate(holder)), "item"
    elif isinstance(getattr(holder, "__dict__", None), dict) and not isinstance(holder, type) and not _is_code(holder):
        items, kind = list(vars(holder).items()), "attribute"
    else:
        return
    for key, value in items:
        name = names[key] if isinstance(key, int) and key < len(names) else str(key)
        other = _other(name, value)
        if other is not None:
            yield Neutral(Slot(holder, key, kind, name), float(value), other)  # type: ignore[arg-type]  # one of the two kinds above
        elif deep and isinstance(value, dict):
            yield from _held(value, (), deep=False)


def _other(name: str, value: Any) -> Any:
    """Another value of the same type where this is a factor of 1 or a term's strength of 0; else None."""
    if type(value) is int:
        return _OTHER.get(value) if _FACTOR.fullmatch(name.lower()) else None
    array = is_array(value) and value.ndim == 0 and value.dtype.kind == "f"
    if not array and not isinstance(value, float | np.floating):
        return None
    other = _OTHER.get(float(value))
    return None if other is None else np.array(other, value.dtype) if array else type(value)(other)


def _is_code(held: object) -> bool:
    return hasattr(held, "__code__") or hasattr(held, "__func__") or hasattr(held, "__path__")
