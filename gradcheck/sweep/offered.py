"""What a layer offers to be varied by itself: its options and switches, with the values to try, and what it leaves."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from gradcheck.sweep.call import Call, is_of_torch, is_shape

__all__ = ["offered_options", "settings_of"]

_USUAL: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("stride", "strides", "window", "window_size", "size"), (1, 2, 3)),
    **dict.fromkeys(("pool", "pool_size", "kernel_size", "ksize"), (1, 2, 3)),
    **dict.fromkeys(("pad", "pads", "padding"), (0, 1, 2)),
    **dict.fromkeys(("dilation", "dil"), (1, 2)),
}
_ALONG = re.compile(r"_(h|w|x|y|d|height|width|depth)$")
# Switches of a signature that are no part of the layer's mathematics, or that ask for something else than its output:
# a backward goes with one mode, and whether the input is written to or the cache returned is not its business.
_OTHERWISE = re.compile(
    r"(is_|do_)?(train|test|eval|infer|predict|determinis)\w*|mode"
    r"|(.*_)?(in_?place|copy|cache|overwrite\w*|check\w*|validate|strict|jit|compiled?|parallel|fast|naive|cuda|gpu)"
    r"|(return|output|with|save|store|keep|record|track|requires?|need|compute|cached?|deriv|prime|diff|backward|.*grad)"
    r"(?!_?(bias|dims?)).*"
)
# What no number depends on, or nothing but the numbers drawn.
_QUIET = re.compile(
    r"(layer_)?name|label|(is_)?verbose|verbosity|debug|quiet|silent|print\w*|log(ging|ger)?|plot|show"
    r"|out|seed|rng|random_state|generator|dtype|device"
)


def offered_options(call: Call) -> Iterator[tuple[str, Any]]:
    """Options with other values than they have: those with a usual range, other whole numbers by one, and switches.

    An option of the forward's signature that was left at its default is one too; only its switches that are no part of
    the mathematics (``training``, ``verbose``, ``return_cache``) stay as they are.
    """
    held = [key for a in (*call.layer, call.options.get("kwargs") or {}) if isinstance(a, dict) for key in a]
    attributes = [name for name in _attributes(call, of_class=True) if _usual(name)]
    given = [n for n in call.names() if call.argument(n) is not None and not isinstance(call.argument(n), np.ndarray)]
    defaults = [name for name, value in call.left_at_default().items() if not _stays(name, value)]
    for name in dict.fromkeys([*held, *given, *attributes, *defaults]):
        value = call.option(name)
        if isinstance(value, bool):
            yield name, not value
        elif isinstance(value, int):
            yield from ((name, other) for other in _usual(name) if other != value)
        elif is_shape(value):
            yield from ((name, other) for other in _tuples(_usual(name), len(value)) if other != tuple(value))


def settings_of(call: Call) -> Iterator[str]:
    """What the layer's outcome may depend on and is no array: options, defaults, attributes (numbers or switches)."""
    kwargs = call.options.get("kwargs") or {}
    for holder in (*(a for a in call.layer if isinstance(a, dict)), kwargs):
        yield from (str(key) for key, value in holder.items() if isinstance(value, bool | int | float | str))
    yield from (n for n in call.names() if isinstance(call.argument(n), bool | int | float | str))
    yield from (n for n in call.left_at_default() if not _QUIET.fullmatch(n.lower()))
    own = _attributes(call)
    yield from (n for n, v in own.items() if isinstance(v, bool | int | float | str) and not n.startswith("_"))


def _attributes(call: Call, of_class: bool = False) -> dict[str, Any]:
    """Those of the user's object; a function's and PyTorch's are not the layer's options."""
    layer = call.layer[0]
    if isinstance(layer, type) or inspect.isroutine(layer) or is_of_torch(layer):
        return {}
    return {**(vars(type(layer)) if of_class else {}), **getattr(layer, "__dict__", {})}


def _usual(name: str) -> tuple[int, ...]:
    return _USUAL.get(_ALONG.sub("", name.lower()), ())


def _tuples(values: tuple[int, ...], length: int) -> Iterator[tuple[int, ...]]:
    """The same along all axes, and one that is not."""
    if values and length:
        yield from ((value,) * length for value in values)
        yield (values[0], *(values[1],) * (length - 1))


def _stays(name: str, value: object) -> bool:
    low = name.lower()
    return bool(_QUIET.fullmatch(low)) or (isinstance(value, bool) and bool(_OTHERWISE.fullmatch(low)))
