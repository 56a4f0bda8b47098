"""What is true of a configuration: its settings, the sizes of its arrays, whether indices repeat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.sweep.call import Call, is_shape, shown
from gradcheck.sweep.shared import Facts

__all__ = ["facts_of"]


def facts_of(call: Call, settings: Mapping[str, Any]) -> Facts:
    """The facts of one configuration, by names that can stand in a sentence."""
    facts: Facts = {}
    for name, value in settings.items():
        if isinstance(value, bool | str | int | float):
            facts[name] = value
        elif is_shape(value) and name != "shape" and not isinstance(call.argument(name), np.ndarray):
            facts |= {f"{name}[{i}]": n for i, n in enumerate(value)}
        elif name != "shape" and not is_shape(value) and not isinstance(value, np.ndarray):
            facts[name] = shown(value)
    first = True
    for name, array in zip(call.names(), call.arguments, strict=False):
        if not isinstance(array, np.ndarray):
            continue
        if array.dtype.kind in "iu" and array.size:
            facts[f"repeated entries of {name}"] = len(np.unique(array)) < array.size
        if array.dtype.kind != "f":
            continue
        facts |= _sizes(name, array, first)
        first = False
    return facts


def _sizes(name: str, array: np.ndarray[Any, Any], first: bool) -> Facts:
    words = [f"axis {k} of {name}" for k in range(array.ndim)]
    if array.ndim == 4:
        words[2:] = [f"height of {name}", f"width of {name}"]
    if first and array.ndim >= 2:
        words[0] = "batch size"
    return dict(zip(words, map(int, array.shape), strict=True))
