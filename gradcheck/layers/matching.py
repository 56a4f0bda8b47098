"""Which returned value is the gradient of which variable. Nothing is ever permuted to make shapes fit."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from itertools import permutations
from typing import Any

from gradcheck.layers import faults
from gradcheck.layers.problem import Gradients, Variable
from gradcheck.layers.spelling import gradient_bases, match_names
from gradcheck.layers.values import describe, is_array, is_number, same_shape, shape_of

__all__ = ["as_mapping", "flattened", "match_returned", "named_gradients", "names_for", "ungrouped"]


def as_mapping(value: object) -> dict[str, Any] | None:
    """A dict, a namedtuple, a dataclass or a namespace as names and values; None for anything else."""
    if value is None or is_array(value) or type(value) is tuple:
        return None
    if isinstance(value, Mapping):
        return {str(key): item for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return dict(zip(value._fields, value, strict=True))
    if isinstance(value, types.SimpleNamespace) or (is_dataclass(value) and not isinstance(value, type)):
        return dict(vars(value)) if hasattr(value, "__dict__") else None
    return None


def ungrouped(returned: Any, arguments: Sequence[object]) -> Any:
    """Gradients of an argument's fields, returned as another such namedtuple, as a plain tuple: they keep its order."""
    kinds = {type(a) for a in arguments if isinstance(a, tuple) and hasattr(a, "_fields")}
    kinds |= {type(i) for a in arguments if isinstance(a, list) for i in a if hasattr(i, "_fields")}
    return _as_tuples(returned, kinds) if kinds else returned


def _as_tuples(value: Any, kinds: set[type]) -> Any:
    if type(value) in kinds or type(value) is tuple:
        return tuple(_as_tuples(item, kinds) for item in value)
    return [_as_tuples(item, kinds) for item in value] if type(value) is list else value


def named_gradients(raw: Any, written: Sequence[str | None] | None) -> list[tuple[str, Any]]:
    """What was returned under a name: the items of dicts, and what the return statement ``written`` has a name for."""
    items = flattened(raw)
    found = [pair for item in items for pair in (as_mapping(item) or {}).items()]
    if written is not None and len(written) == len(items):
        found += [(n, item) for n, item in zip(written, items, strict=True) if n and as_mapping(item) is None]
    return found


def flattened(value: object) -> list[Any]:
    """The arrays, numbers and Nones of nested tuples and lists, in order (dicts stay whole)."""
    if isinstance(value, tuple | list) and as_mapping(value) is None:
        return [leaf for item in value for leaf in flattened(item)]
    return [value]


def names_for(items: int, written: Sequence[str | None] | None, variables: Sequence[Variable]) -> list[str] | None:
    """The variables that the names in a return statement speak of, when every one of them is clear."""
    if written is None or len(written) != items or None in written:
        return None
    keys = [name for name in written if name is not None]
    # a plain name counts only with a mark: ``return x, w`` says nothing about gradients
    found = {key: name for name, key in match_names([v.name for v in variables], keys, plain=False).items()}
    return [found[key] for key in keys] if len(found) == items else None


def match_returned(
    returned: object,
    variables: Sequence[Variable],
    *,
    slots: Sequence[Variable | None] = (),
    written: Sequence[str | None] | None = None,
    order: Sequence[str] | None = None,
    by_name: bool = False,
    asked: Sequence[str] | None = None,
) -> Gradients:
    """Give each variable its gradient.

    Args:
        returned: what the backward returned.
        variables: every float variable in the order of the forward's arguments, parameters last.
        slots: one entry per positional argument of the forward (None where it is no float array), for backwards
            that return None in the places of labels and options.
        written: the names in the backward's return statement.
        order: the order the caller declared (``gradients=[...]``).
        by_name: take the written names as the truth about the order. For objects, whose attributes have none.
        asked: the names that the caller wants gradients of (``wrt=[...]``): a backward may return no others.
    """
    named = as_mapping(returned)
    if named is not None:
        return _by_key(named, variables)
    items = flattened(returned)
    if any(as_mapping(item) is not None for item in items):
        return _mixed(items, variables)
    wanted = _candidates(len(items), variables, slots, written, order, by_name)
    result = Gradients({v.name: None for v in variables})
    expected = [v for v in variables if _expected(v)]
    if wanted is None and order is None:
        wanted = _only_those_asked(items, expected, written, asked)
    if wanted is None:
        names = names_for(len(items), written, variables)
        if names is not None:
            wanted = [v for name in names for v in variables if v.name == name]
        else:
            wanted = list(expected[: len(items)])
        bare = len(items) == 1 and not isinstance(returned, tuple | list)
        if not (bare and items[0] is not None):
            what = [f"it returns {describe(item)}" for item in items[:4]]
            result.faults.append(faults.wrong_number(len(items), [v.name for v in expected], what))
    else:
        named_places = _named_places(len(wanted), written, variables)
        wanted = wanted if named_places is None else _some_by_name(wanted, named_places)
        if order is None and (not by_name or names_for(len(items), written, variables) is None):
            said = None if named_places is None else _said(wanted, named_places)
            if said is None:
                _check_order(items, wanted, result)
            else:
                line = f"{faults.BY_NAMES} {', '.join('…' if name is None else name for name in written or ())}"
                result.faults.append(faults.wrong_order(said, [v.name for v in wanted if v is not None], [line]))
    for variable, item in zip(wanted, items, strict=False):
        if variable is not None:
            result.values[variable.name] = item
            if item is None and variable.differentiated:
                result.faults.append(faults.missing(variable.name, variable.gradient, "backward returns None"))
    return result


def _expected(variable: Variable) -> bool:
    return variable.differentiated or variable.reason == "not in wrt"


def _candidates(
    count: int,
    variables: Sequence[Variable],
    slots: Sequence[Variable | None],
    written: Sequence[str | None] | None,
    order: Sequence[str] | None,
    by_name: bool,
) -> Sequence[Variable | None] | None:
    """The reading of ``count`` values: as gradients of which variables, in which order."""
    known = {v.name: v for v in variables}
    if order is not None:
        return [known.get(name) for name in order] if len(order) == count else None
    names = names_for(count, written, variables)
    if by_name and names is not None:
        return [known[name] for name in names]
    expected = [v for v in variables if _expected(v)]
    inputs = [v for v in expected if v.role == "input"]
    every_input = [v for v in variables if v.role == "input"]
    parameters = [v for v in expected if v.role == "parameter"]
    readings: list[Sequence[Variable | None]] = [expected, inputs, list(variables), every_input, list(slots)]
    if slots:
        readings.append([*slots, *parameters])
    fitting = [reading for reading in readings if len(reading) == count]
    if names is not None and fitting:
        for reading in fitting:
            if {v.name for v in reading if v is not None} == set(names):
                return reading
    return fitting[0] if fitting else None


def _only_those_asked(
    items: Sequence[object],
    expected: Sequence[Variable],
    written: Sequence[str | None] | None,
    asked: Sequence[str] | None,
) -> Sequence[Variable] | None:
    """As many gradients as names in ``wrt=``: theirs, unless names or shapes say that they are the first inputs'."""
    wanted = [v for v in expected if v.name in (asked or ())]
    if len(wanted) != len(items) or names_for(len(items), written, expected) is not None:
        return None
    first = [same_shape(item, v.array) for item, v in zip(items, expected, strict=False)]
    theirs = [same_shape(item, v.array) for item, v in zip(items, wanted, strict=True)]
    return None if all(first) and not all(theirs) else wanted


def _some_by_name(wanted: Sequence[Variable | None], by_name: Sequence[Variable | None]) -> Sequence[Variable | None]:
    """``return dw, db, h``: where some names are clear and others are no gradient's, the clear ones count.

    Where they only stand in another order than their arrays it is the order that is wrong, as with all names clear.
    """
    if None not in by_name:
        return wanted
    by_place = [position for place, position in zip(by_name, wanted, strict=True) if place is not None]
    named = {place.name for place in by_name if place is not None}
    return wanted if named == {v.name for v in by_place if v is not None} else by_name


def _named_places(
    count: int, written: Sequence[str | None] | None, variables: Sequence[Variable]
) -> list[Variable | None] | None:
    """The variable that each name in the return statement is clear about; None where there is no such name."""
    if written is None or len(written) != count:
        return None
    keys = [name for name in written if name is not None]
    known = {v.name: v for v in variables}
    found = {key: known[name] for name, key in match_names(list(known), keys, plain=False).items()}
    return [found.get(name) if name is not None else None for name in written] if found else None


def _check_order(items: Sequence[object], wanted: Sequence[Variable | None], result: Gradients) -> None:
    """Whether the shapes say that the gradients come in another order."""
    variables = [v for v in wanted if v is not None]
    if len(variables) != len(items) or len(items) < 2:
        return
    expected = [v.name for v in variables]
    if all(item is None or same_shape(item, v.array) for item, v in zip(items, variables, strict=True)):
        return
    if len(items) > 6 or not all(is_array(item) or is_number(item) for item in items):
        return
    if sorted(shape_of(item) or () for item in items) != sorted(v.array.shape for v in variables):
        return  # at another batch size, say: no order gives them these shapes
    for arrangement in permutations(variables):
        if all(same_shape(item, v.array) for item, v in zip(items, arrangement, strict=True)):
            evidence = [
                f"gradient {i + 1} has {fits.name}'s shape {shape_of(item)}, not {stands.name}'s {stands.array.shape}"
                for i, (item, fits, stands) in enumerate(zip(items, arrangement, variables, strict=True))
                if not same_shape(item, stands.array)
            ]
            result.faults.append(faults.wrong_order([v.name for v in arrangement], expected, evidence))
            return


def _said(wanted: Sequence[Variable | None], by_name: Sequence[Variable | None]) -> list[str] | None:
    """The order that the names in the return statement tell, where it is another one; unclear ones as they stand."""
    told = [name or position for name, position in zip(by_name, wanted, strict=True)]
    names = [v.name for v in told if v is not None]
    expected = [v.name for v in wanted if v is not None]
    return names if names != expected and sorted(names) == sorted(expected) else None


def _by_key(named: Mapping[str, Any], variables: Sequence[Variable]) -> Gradients:
    flat = _unnested(named)
    found = match_names([v.name for v in variables], list(flat))
    result = Gradients({v.name: flat[found[v.name]] if v.name in found else None for v in variables})
    strays = [key for key in flat if key not in found.values()]
    left = [v for v in variables if v.name not in found and v.differentiated]
    if left and strays:
        result.faults.append(faults.wrong_names(strays, [v.name for v in left]))
    elif left:
        have = ", ".join(repr(key) for key in flat) or "nothing"
        result.faults += [faults.missing(v.name, v.gradient, f"backward's dict has {have}") for v in left]
    for variable in variables:
        key = found.get(variable.name)
        if key is not None and variable.differentiated:
            variable.gradient = key if gradient_bases(key) and key != variable.name else variable.gradient
            if flat[key] is None:
                result.faults.append(
                    faults.missing(variable.name, variable.gradient, f"backward gives None for {key!r}")
                )
    return result


def _unnested(named: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, item in named.items():
        inner = as_mapping(item)
        if inner is not None:
            flat.update(_unnested(inner))
        else:
            flat[str(key)] = item
    return flat


def _mixed(items: Sequence[object], variables: Sequence[Variable]) -> Gradients:
    """``return dx, {"W": dW, "b": db}``: what comes by position first, the rest by name."""
    named: dict[str, Any] = {}
    loose = []
    for item in items:
        inner = as_mapping(item)
        if inner is None:
            loose.append(item)
        else:
            named.update(_unnested(inner))
    taken = match_names([v.name for v in variables], list(named))
    by_key = [v for v in variables if v.name in taken]
    by_place = [v for v in variables if v.name not in taken]
    result = Gradients({v.name: None for v in variables})
    for part in (match_returned(tuple(loose), by_place), _by_key(named, by_key)):
        result.values.update(part.values)
        result.faults += part.faults
    return result
