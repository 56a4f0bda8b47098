"""The numbers of a problem that are exactly 0 or 1: options and attributes at which a factor or a term is not seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from gradcheck.layers.problem import Problem
from gradcheck.state import Slot

__all__ = ["neutral_scalars"]

# What is a factor or a strength though it was written as a whole number; a stride, an axis or a count of 1 is none.
_FACTOR = re.compile(
    r"(.*_)?(lam|lambd?a?_?|reg(ulari[sz]ation)?|l1|l2|alpha|beta|gamma|scale|slope|decay|tau|temp(erature)?|smoothing|"
    r"margin|delta|factor|coeff?(icient)?|strength|weight_decay|penalty)"
)


def neutral_scalars(problem: Problem) -> list[Slot]:
    """Where they stand: among the arguments and options, in dicts among these, and in attributes of the object.

    The ``path`` of a slot is its name. A number that is checked as a variable of its own is not among them.
    """
    variables = {(id(s.container), s.key) for v in problem.variables for s in v.slots}
    names: Sequence[str] = getattr(problem, "names", ())
    return [
        slot
        for root in problem.roots
        for slot in _slots(root, names if root is getattr(problem, "arguments", None) else (), deep=True)
        if (id(slot.container), slot.key) not in variables
    ]


def _slots(held: object, names: Sequence[str], deep: bool) -> Iterator[Slot]:
    if isinstance(held, dict):
        items, kind = list(held.items()), "item"
    elif isinstance(held, list):
        items, kind = list(enumerate(held)), "item"
    elif isinstance(getattr(held, "__dict__", None), dict) and not isinstance(held, type) and not _is_code(held):
        items, kind = list(vars(held).items()), "attribute"
    else:
        return
    for key, value in items:
        name = names[key] if isinstance(key, int) and key < len(names) else str(key)
        if (
            type(value) in (float, int)
            and value in (0, 1)
            and (type(value) is float or _FACTOR.fullmatch(name.lower()))
        ):
            yield Slot(held, key, kind, name)  # type: ignore[arg-type]  # one of the two kinds above
        elif deep and isinstance(value, dict):
            yield from _slots(value, (), deep=False)


def _is_code(held: object) -> bool:
    return hasattr(held, "__code__") or hasattr(held, "__func__") or hasattr(held, "__path__")
