"""Numbers beside arrays, by position or by name: inputs where the backward gives their gradients, else options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.layers.calling import Signature
from gradcheck.layers.matching import flattened
from gradcheck.layers.problem import Gradients
from gradcheck.layers.spelling import match_names
from gradcheck.layers.values import is_float_array

__all__ = ["how_to_give", "in_order", "is_float_number", "numbers_by_default", "numbers_given", "with_advice"]


def is_float_number(value: object) -> bool:
    """Whether it is a float: an ``int`` is an option."""
    return isinstance(value, float | np.floating)


def in_order(signature: Signature, names: Sequence[str], keywords: Collection[str]) -> list[str]:
    """The arguments given, by position and then by name, as the signature has them."""
    written = [*signature.names, *signature.keyword_only]
    last = len(written)
    return [*names, *sorted(keywords, key=lambda name: written.index(name) if name in written else last)]


def numbers_given(
    order: Sequence[str],
    arguments: Mapping[str, object],
    positional: int,
    returned: object,
    named: Mapping[str, object],
) -> set[str]:
    """The arguments that a backward gives floats for: in their place among as many items, or by name.

    An ``int`` is no gradient: ``return dx, dw, 0`` fills the place of an option.

    Args:
        order: the names of the arguments given; ``positional`` of them by position.
        arguments: what was given.
        returned: what the backward returned.
        named: what of it has a name, in a dict or in the return statement.
    """
    given = set(match_names(order, [key for key, item in named.items() if _is_gradient(item)], plain=False))
    items = flattened(returned)
    if not isinstance(returned, tuple | list):
        return given
    floats = [name for name in order if is_float_number(arguments[name]) or is_float_array(arguments[name])]
    for names in (order[:positional], order, floats):
        if len(names) == len(items):
            return given | {name for name, item in zip(names, items, strict=True) if _is_gradient(item)}
    return given


def numbers_by_default(signature: Signature, given: Collection[str]) -> list[str]:
    """The arguments that have a float for a default, and were not given."""
    return [name for name, value in signature.defaults.items() if name not in given and is_float_number(value)]


def how_to_give(names: Sequence[str], signature: Signature) -> str:
    """What to do where gradients are wanted of numbers that have a default."""
    said = ", ".join(f"{name!r}: {signature.defaults[name]!r}" for name in names)
    return f"a number with a default is an option; to have its gradient checked give it: kwargs={{{said}}}"


def with_advice(result: Gradients, advice: str) -> Gradients:
    """``result`` with ``advice`` among the help for a wrong number of gradients."""
    if advice:
        result.faults = [
            replace(fault, help=(advice, *fault.help)) if fault.code == "GC101" else fault for fault in result.faults
        ]
    return result


def _is_gradient(value: Any) -> bool:
    return is_float_number(value) or is_float_array(value)
