"""Where a training step ends when nobody says so: the forward begins again, with other weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.layers.spelling import is_buffer_name, is_data_name
from gradcheck.watching.arrays.events import Event, root
from gradcheck.watching.arrays.kinds import CONTRACTIONS
from gradcheck.watching.arrays.parameters import last_word

__all__ = ["Beginnings"]

Array = np.ndarray[Any, Any]

_LOOKED_AT = 64  # entries of a weight that are compared
_STATES = frozenset("ahcsoxyz")  # self.h is carried from one time step to the next


class Beginnings:
    """Notices that a product takes a weight which has changed since one did before.

    Args:
        arrays: gives the arrays that the network holds now, by path.
    """

    def __init__(self, arrays: Callable[[], Mapping[str, Array]]) -> None:
        self._arrays = arrays
        self._paths: dict[int, list[str]] = {}
        self._used: dict[str, bytes] = {}
        self._shapes: set[tuple[int, ...]] = set()

    def stand(self) -> None:
        """A step begins: those that are called like data or a state are no weights."""
        self._paths, self._used, self._shapes = {}, {}, set()
        for path, array in self._arrays().items():
            word = last_word(path)
            if not (is_data_name(word) or is_buffer_name(word) or word in _STATES) and array.dtype.kind == "f":
                self._paths.setdefault(id(root(array)), []).append(path)
                self._shapes.add(array.shape)

    def begins(self, event: Event) -> bool:
        """Whether this operation is the first of another step."""
        if event.function.__name__ not in CONTRACTIONS:
            return False
        return any(isinstance(value, np.ndarray) and self._has_changed(value) for value in event.inputs)

    def _has_changed(self, value: Array) -> bool:
        held = root(value)
        paths = self._paths.get(id(held))
        if paths is not None:
            now = _some_of(held)
            return self._used.setdefault(paths[0], now) != now
        if not self._used or not (value.shape in self._shapes or value.shape[::-1] in self._shapes):
            return False
        found = [path for path, array in self._arrays().items() if root(array) is held and path in self._used]
        return any(self._used[path] != _some_of(held) for path in found)


def _some_of(array: Array) -> bytes:
    flat = array.ravel(order="K")
    return flat[:: max(1, flat.size // _LOOKED_AT)].tobytes()
