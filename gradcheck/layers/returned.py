"""What one call of a forward returned, taken apart: a tuple, outputs in a tuple of their own, a dict, an object."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gradcheck.layers.matching import as_mapping
from gradcheck.layers.values import is_array, is_float_array
from gradcheck.state.territory import is_user_module

__all__ = ["Parts", "parts_of"]

Place = tuple[Any, ...]


@dataclass(frozen=True)
class Parts:
    """The values in what a forward returned.

    ``places`` says how each is reached, ``names`` what the return statement (or the dict, or the object) calls it.
    """

    kind: Literal["one", "tuple", "list", "nested", "dict", "record"]
    places: tuple[Place, ...]
    names: tuple[str | None, ...]
    values: tuple[Any, ...]

    @property
    def several(self) -> bool:
        """Whether there is more than the output alone."""
        return self.kind != "one"

    @property
    def named(self) -> bool:
        """Whether the outputs come under names: a dict or an object."""
        return isinstance(self.places[0][-1], str) if self.places and self.places[0] else False

    def take(self, returned: Any, which: int) -> Any:
        """The value at ``which`` in another call's ``returned``."""
        for key in self.places[which]:
            returned = getattr(returned, key) if _is_record(returned) and isinstance(key, str) else returned[key]
        return returned

    def together(self, returned: Any, outputs: Sequence[int], upstreams: Sequence[Any]) -> Any:
        """The upstream gradients in one value, made as the outputs are: a tuple, a list, a dict, an object."""
        holder = returned[0] if self.kind == "nested" else returned
        if self.kind in ("dict", "record", "nested") and self.named:
            by_key = {self.places[i][-1]: upstream for i, upstream in zip(outputs, upstreams, strict=True)}
            if isinstance(holder, Mapping):
                return by_key
            if hasattr(holder, "_fields"):
                return type(holder)(**{name: by_key.get(name) for name in holder._fields})
            made = copy.copy(holder)
            for name in _record(holder) or {}:
                object.__setattr__(made, name, by_key.get(name))
            return made
        return list(upstreams) if isinstance(holder, list) else tuple(upstreams)


def parts_of(returned: Any, written: Sequence[str | None] | None) -> Parts:
    """Take ``returned`` apart.

    Args:
        returned: what the forward returned.
        written: the names in its return statement.
    """
    whole = _entries(returned)
    if whole is not None:
        kind: Any = "dict" if isinstance(returned, Mapping) else "record"
        return Parts(kind, tuple((key,) for key in whole), tuple(map(str, whole)), tuple(whole.values()))
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        return Parts("one", ((),), ((written or [None])[0],), (returned,))
    names = list(written) if written is not None and len(written) == len(returned) else [None] * len(returned)
    inner = _entries(returned[0])
    if (
        inner is None
        and isinstance(returned[0], tuple | list)
        and returned[0]
        and all(map(is_float_array, returned[0]))
    ):
        inner = dict(enumerate(returned[0]))
    if inner is not None:
        places = [*((0, key) for key in inner), *((i,) for i in range(1, len(returned)))]
        inner_names = [key if isinstance(key, str) else None for key in inner]
        return Parts("nested", tuple(places), (*inner_names, *names[1:]), (*inner.values(), *returned[1:]))
    listed = isinstance(returned, list) and all(map(is_float_array, returned))
    return Parts(
        "list" if listed else "tuple", tuple((i,) for i in range(len(returned))), tuple(names), tuple(returned)
    )


def _entries(value: Any) -> dict[Any, Any] | None:
    """The entries of a dict or object that holds an output; None for anything else."""
    found = dict(value) if isinstance(value, Mapping) else _record(value) if _is_record(value) else None
    return found if found and any(map(is_float_array, found.values())) else None


def _is_record(value: Any) -> bool:
    if is_array(value) or isinstance(value, Mapping):
        return False
    return as_mapping(value) is not None or (is_user_module(type(value).__module__) and hasattr(value, "__dict__"))


def _record(value: Any) -> dict[str, Any] | None:
    named = as_mapping(value)
    return named if named is not None else dict(vars(value))
