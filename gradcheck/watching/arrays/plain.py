"""From followed arrays to plain ones and back, inside the arguments and results of a call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["finite", "floats_in", "given_back", "mapped"]

_CONTAINERS = (tuple, list, dict)


def mapped(value: Any, change: Callable[[Any], Any]) -> Any:
    """``value`` with ``change`` made to what tuples, lists and dicts hold; itself where nothing changes."""
    kind = type(value)
    if kind not in _CONTAINERS and not (isinstance(value, tuple) and hasattr(value, "_make")):
        return change(value)
    if kind is dict:
        changed = {key: mapped(item, change) for key, item in value.items()}
        return value if all(changed[key] is item for key, item in value.items()) else changed
    items = [mapped(item, change) for item in value]
    if all(new is old for new, old in zip(items, value, strict=True)):
        return value
    return kind(items) if kind in _CONTAINERS else kind._make(items)


def floats_in(value: Any, depth: int = 2) -> list[Any]:
    """The floating-point arrays and numbers in a call's operands or result."""
    if isinstance(value, np.ndarray | np.generic):
        return [value] if value.dtype.kind in "fc" else []
    if type(value) is float:
        return [value]
    if depth and isinstance(value, tuple | list):
        return [found for item in value[:64] for found in floats_in(item, depth - 1)]
    return []


def finite(value: Any) -> bool:
    """Whether every entry is finite. No floating-point error is raised, whatever the values.

    A NaN or infinity shows in the array's product with itself, which reads it once; where that overflows all the same,
    the entries are asked.
    """
    if type(value) is np.ndarray and value.dtype.char in "fd":
        flags = value.flags
        if flags.c_contiguous or flags.f_contiguous:
            value = value if flags.c_contiguous else value.T
            if math.isfinite(np.vdot(value, value)):
                return True
    return bool(np.isfinite(value).all())


def given_back(result: Any, out: tuple[Any, ...]) -> Any:
    """What a universal function with ``out`` returns: the caller's own arrays in the place of their plain views."""
    if isinstance(result, tuple):
        return tuple(mine if mine is not None else made for made, mine in zip(result, out, strict=True))
    return out[0] if out[0] is not None else result
