"""The forward's arguments as variables: named, in order, and said of each whether a gradient is wanted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import Signature, called
from gradcheck.layers.numbers_beside import is_float_number
from gradcheck.layers.problem import Variable
from gradcheck.layers.reach import Path, arrays_of
from gradcheck.layers.request import check_array
from gradcheck.layers.spelling import gradient_label
from gradcheck.layers.values import describe, is_array
from gradcheck.state import Slot

__all__ = [
    "apply_choices",
    "argument_names",
    "float_variable",
    "held_in_dicts",
    "numbers_in_parameters",
    "places_in_lists",
    "scalar_variables",
    "variables_of",
]

_PARAMETER_DICTS = ("params", "parameters", "param", "weights", "theta", "w", "p", "model")


def argument_names(signature: Signature, count: int) -> list[str]:
    """The names of ``count`` positional arguments; invented where the signature has none."""
    names = list(signature.names[:count])
    extra = count - len(names)
    if extra == 1 and not names:
        return ["x"]
    return names + [f"x{i}" for i in range(extra)]


def float_variable(name: str, array: Any, role: str = "input", gradient: str = "") -> Variable:
    """A variable that a gradient is wanted of; for an integer array one that says why there is none."""
    label = gradient or "d" + name
    if array.dtype.kind == "f":
        return Variable(name, array, "input" if role == "input" else "parameter", label)
    why = "a boolean mask" if array.dtype.kind == "b" else "integer labels or indices"
    return Variable(name, array, "input" if role == "input" else "parameter", label, False, why)


def variables_of(names: Sequence[str], arguments: list[Any], keywords: dict[str, Any]) -> list[Variable]:
    """Every array among the arguments, in lists and tuples too; in dicts where the dict is one of parameters.

    What a namedtuple holds goes by the name of its field, or by the whole way where two fields are called alike.
    """
    given = (*zip(names, arguments, strict=True), *keywords.items())
    found = [variable for name, value in given for variable in _inside(name, value, whole=False)]
    if len({variable.name for variable in found}) < len(found):
        found = [variable for name, value in given for variable in _inside(name, value, whole=True)]
    return found


def places_in_lists(names: Sequence[str], arguments: Sequence[Any], variables: Sequence[Variable]) -> dict[str, Path]:
    """Where the variables lie that are held in lists and tuples: layers[0].W of forward(x, layers)."""
    held = dict(zip(names, arguments, strict=True))
    starts = [Path(held, (("item", name),)) for name, value in held.items() if isinstance(value, list | tuple)]
    by_array = {id(v.array): v.name for v in variables}
    return {by_array[id(value)]: path for path, value in arrays_of(*starts) if id(value) in by_array}


def held_in_dicts(names: Sequence[str], arguments: list[Any], keywords: dict[str, Any]) -> list[Variable]:
    """Float arrays in dicts of options: differentiated only where the backward gives a gradient of that name."""
    found = []
    for name, value in (*zip(names, arguments, strict=True), *keywords.items()):
        if isinstance(value, dict) and name.lower().strip("_") not in _PARAMETER_DICTS:
            found += [
                Variable(str(key), item, "input", f"d{key}")
                for key, item in value.items()
                if is_array(item) and item.dtype.kind == "f"
            ]
    return found


def numbers_in_parameters(names: Sequence[str], arguments: list[Any], keywords: dict[str, Any]) -> list[Variable]:
    """Floats in dicts of parameters: differentiated only where the backward gives a gradient of that name."""
    return [
        Variable(str(key), np.asarray(item), "input", f"d{key}", slots=(Slot(value, key, "item", str(key)),))
        for name, value in (*zip(names, arguments, strict=True), *keywords.items())
        if isinstance(value, dict) and name.lower().strip("_") in _PARAMETER_DICTS
        for key, item in value.items()
        if is_float_number(item) and np.isfinite(item)
    ]


def _inside(name: str, value: Any, whole: bool) -> list[Variable]:
    if is_array(value):
        return [float_variable(name, value, gradient=gradient_label(name) if "." in name else "")]
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        called = [f"{name}.{field}" if whole else field for field in value._fields]
        return [v for field, item in zip(called, value, strict=True) for v in _inside(field, item, whole)]
    if isinstance(value, tuple | list):
        return [variable for i, item in enumerate(value) for variable in _inside(f"{name}[{i}]", item, whole)]
    if isinstance(value, dict) and name.lower().strip("_") in _PARAMETER_DICTS:
        found = []
        for key, item in value.items():
            if is_array(item):
                check_array(f"{name}[{key!r}]", item, integers=True)
            found += _inside(str(key), item, whole)
        return found
    return []


def scalar_variables(
    names: Sequence[str],
    arguments: list[Any],
    taken: Collection[str] | None = None,
    keywords: dict[str, Any] | None = None,
) -> list[Variable]:
    """Python floats as variables, for layers of single numbers; each is found through the slot that holds it.

    Args:
        names: those of the arguments.
        arguments: the arguments.
        taken: which to look at; None for all.
        keywords: the arguments given by name that are to be looked at too.
    """
    found = []
    places: list[tuple[str, Any, Any, Any]] = [(n, v, keywords, n) for n, v in (keywords or {}).items()]
    places[:0] = [(n, v, arguments, i) for i, (n, v) in enumerate(zip(names, arguments, strict=True))]
    for name, value, holder, key in places:
        if is_float_number(value) and (taken is None or name in taken):
            if not np.isfinite(value):
                raise GradcheckError(f"{name} is {value}: gradients are compared at finite values; pass a finite one")
            slot = Slot(holder, key, "item", name)
            found.append(Variable(name, np.asarray(value), "input", f"d{name}", slots=(slot,)))
    return found


def apply_choices(
    variables: list[Variable], constants: Sequence[str], wrt: Sequence[str] | None, subject: object
) -> None:
    """Mark what the caller declared constant or left out; names that are not there raise :class:`GradcheckError`."""
    known = {variable.name: variable for variable in variables}
    for argument, names in (("constants", constants), ("wrt", wrt or ())):
        for name in names:
            if name not in known:
                have = ", ".join(repr(v) for v in known) or "nothing"
                raise GradcheckError(f"{argument} names {name!r}, which {called(subject)} does not have: it has {have}")
    for name in wrt or ():
        if not known[name].differentiated:
            raise GradcheckError(
                f"wrt names {name!r}, which has no gradient: {known[name].reason} ({describe(known[name].array)})"
            )
    for name in constants:
        known[name].differentiated = False
        known[name].reason = "declared constant"
    if wrt is not None:
        for variable in variables:
            if variable.differentiated and variable.name not in wrt:
                variable.differentiated = False
                variable.reason = "not in wrt"
    if not any(variable.differentiated for variable in variables):
        said = "; ".join(f"{v.name}: {v.reason}" for v in variables)
        raise GradcheckError(
            f"nothing to differentiate in {called(subject)}: "
            + (said or "no array of floats was given")
            + (" (use x.astype(np.float64) for an input of numbers)" if "integer" in said else "")
        )
