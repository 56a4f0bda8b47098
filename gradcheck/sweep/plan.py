"""Which configurations are tried: all combinations of what the caller names, or what the layer itself offers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.values import describe
from gradcheck.options import checked_seed
from gradcheck.sweep.call import Call, is_shape
from gradcheck.sweep.offered import offered_options, settings_of
from gradcheck.sweep.sizes import sizes_of

__all__ = ["Planned", "automatic", "combinations"]

_MOST = 512
_MOST_BY_ITSELF = 40
_NAMED = 8


@dataclass(frozen=True)
class Planned:
    """A configuration to be tried: its settings by name, and the call with them."""

    settings: Mapping[str, Any]
    call: Call


def combinations(call: Call, sweep: Mapping[str, Sequence[Any]]) -> list[Planned]:
    """Every combination of the values given.

    Raises:
        GradcheckError: a name is not known, or a list of values is empty or no list.
    """
    for name, values in sweep.items():
        if not isinstance(name, str):
            raise GradcheckError(f"sweep: the key {name!r} is no name; give the names of options, arrays or attributes")
        if isinstance(values, str) or not isinstance(values, Sequence) or not len(values):
            raise GradcheckError(
                f"sweep[{name!r}]: it is {describe(values)}; give a list of the values to try, as in "
                'sweep={"stride": [1, 2]}'
            )
    count = int(np.prod([len(values) for values in sweep.values()]))
    if count > _MOST:
        raise GradcheckError(f"sweep: that makes {count} configurations; give fewer values, {_MOST} are the most")
    planned = []
    for values in itertools.product(*sweep.values()):
        settings = dict(zip(sweep, values, strict=True))
        planned.append(Planned(settings, _all_changed(call, settings)))
    return planned


def _changed(call: Call, name: str, value: Any) -> Call:
    if name == "shape":
        arrays = [n for n in call.names() if _is_array(call.argument(n))]
        if not arrays:
            raise GradcheckError("sweep['shape']: no array is among the arguments; name the array that is to be drawn")
        if isinstance(value, Mapping):
            for array, shape in value.items():
                call = _changed(call, array, shape)
            return call
        name = arrays[0]
    if name == "seed":
        value = checked_seed(value)
    if _is_array(call.argument(name)):
        if is_shape(value):
            return call.redrawn(name, value)
        if _is_array(value):
            return call.with_argument(name, value)
        raise GradcheckError(
            f"sweep[{name!r}]: {value!r} is no shape; give shapes, as in {{{name!r}: [(2, 3), (4, 3)]}}"
        )
    return call.with_option(name, value)


def automatic(call: Call, runs: Callable[[Call], bool]) -> tuple[list[Planned], list[str]]:
    """What the layer itself offers: each option and size varied, options in pairs; ``runs`` tries a forward.

    Returns:
        The configurations, and in words what was not varied.
    """
    options = list(offered_options(call))
    free, shared, fixed = sizes_of(call, runs)
    singly = [{}, *({name: value} for name, value in options), *free, *shared]
    planned = [Planned(change, _all_changed(call, change)) for change in singly]
    for (a, x), (b, y) in itertools.combinations(options, 2):
        if a != b:
            planned.append(Planned({a: x, b: y}, _all_changed(call, {a: x, b: y})))
    for (a, x), sizes in itertools.product(options, free):
        planned.append(Planned({a: x, **sizes}, _all_changed(call, {a: x, **sizes})))
    names = dict.fromkeys(name for plan in planned for name in plan.settings)
    here = {name: array.shape if _is_array(array := call.argument(name)) else call.option(name) for name in names}
    untouched = [*fixed, *(name for name in settings_of(call) if name not in names)]
    notes = []
    if untouched:
        more = f" and {len(untouched) - _NAMED} more" * (len(untouched) > _NAMED)
        notes.append(
            f"not varied by itself: {', '.join(untouched[:_NAMED])}{more}; "
            "give the values to try, sweep={name: [...]}"
        )
    if len(planned) > _MOST_BY_ITSELF:
        notes.append(
            f"{len(planned) - _MOST_BY_ITSELF} of {len(planned)} combinations were not tried; name those to try"
        )
    return [Planned({**here, **plan.settings}, plan.call) for plan in planned[:_MOST_BY_ITSELF]], notes


def _all_changed(call: Call, settings: Mapping[str, Any]) -> Call:
    for name, value in settings.items():
        call = _changed(call, name, value)
    return call


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray)
