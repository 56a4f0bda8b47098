"""Gradients as they were given - a dict, a list, one array, tensors - by the names of the parameters."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.matching import flattened
from gradcheck.layers.network_gradients import match_tree
from gradcheck.layers.reach import Path
from gradcheck.layers.values import describe, is_number, is_tensor

__all__ = ["named_gradients"]

Array = np.ndarray[Any, Any]


def named_gradients(
    argument: str, raw: Any, shapes: Mapping[str, tuple[int, ...]], places: Mapping[str, Path] | None = None
) -> dict[str, Array]:
    """One gradient for each parameter that was given one.

    Args:
        argument: what to call it in an error.
        raw: a dict by name, nested dicts or lists as the parameters are kept, a list in their order, or one array.
        shapes: the parameters' shapes by name, in their order.
        places: where they are kept, whose words may name the gradients too.

    Raises:
        GradcheckError: nothing fits, a shape is another one, or an entry is no number.
    """
    plain = _arrays(raw)
    if isinstance(plain, np.ndarray) or is_number(plain):
        plain = [plain]
    if not isinstance(plain, Mapping | list | tuple):
        raise GradcheckError(
            f'{argument}: it is {describe(raw)}; give a dict by name, {argument}={{"{next(iter(shapes))}": ...}}, a '
            "list in the order of the parameters, or a callable that returns one"
        )
    if isinstance(plain, list | tuple) and len(plain) > 1 and is_number(plain[0]) and shapes[next(iter(shapes))]:
        plain = plain[1] if len(plain) == 2 and isinstance(plain[1], Mapping | list | tuple) else plain[1:]  # the loss
    known = places or {name: Path(None, (("item", name),)) for name in shapes}
    if isinstance(plain, Mapping) and set(plain) == set(shapes):
        found = dict(plain)
    else:
        tree = match_tree(plain, known, shapes)
        if tree.by_position and not len(tree.found) == len(shapes) == len(flattened(plain)):
            raise GradcheckError(
                f"{argument}: there are {len(plain)} of them for {len(shapes)} parameters ({', '.join(shapes)}); give "
                "one for each, in this order, or a dict by name"
            )
        found = tree.found
    if not found:
        keys = ", ".join(map(repr, plain)) if isinstance(plain, Mapping) else describe(raw)
        raise GradcheckError(
            f"{argument}: none of {keys} is the gradient of a parameter; the parameters are {', '.join(shapes)}"
        )
    return {name: _checked(argument, name, found[name], shape) for name, shape in shapes.items() if name in found}


def _checked(argument: str, name: str, value: Any, shape: tuple[int, ...]) -> Array:
    if value is None:
        raise GradcheckError(f"{argument}: that of {name} is None; compute the gradients first (loss.backward())")
    array = np.asarray(value)
    if array.dtype.kind not in "fiu":
        raise GradcheckError(f"{argument}: that of {name} is {describe(value)}; give an array of real numbers")
    if array.shape != tuple(shape):
        raise GradcheckError(f"{argument}: that of {name} has shape {array.shape}; {name} has {tuple(shape)}")
    return np.array(array, dtype=np.float64)


def _arrays(value: Any) -> Any:
    """``value`` with tensors as arrays, in dicts, lists and tuples too; objects that iterate as lists."""
    if is_tensor(value):
        from gradcheck.witnesses.torch_arrays import to_array

        return to_array(value)
    if isinstance(value, Mapping):
        return {str(key) if not isinstance(key, int) else key: _arrays(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_arrays(item) for item in value]
    if sys.modules.get("torch") is not None and hasattr(value, "__next__"):
        return [_arrays(item) for item in value]
    return value
