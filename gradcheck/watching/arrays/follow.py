"""Following NumPy arrays through the user's code: births are told, events of sampled steps handed on."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np

from gradcheck.health.sample import Birth
from gradcheck.watching.arrays import libraries
from gradcheck.watching.arrays.births import Births
from gradcheck.watching.arrays.dispatch import Dispatch
from gradcheck.watching.arrays.events import Event, root
from gradcheck.watching.arrays.functions import Functions
from gradcheck.watching.arrays.plain import finite, mapped
from gradcheck.watching.arrays.reach import Reach

__all__ = ["Follower"]

# What nobody suspects is looked at now and then: a bad parameter shows in the next step's first product all the same.
_EVERY = 10
_GRADIENT = re.compile(r"(^|[._\[' ])(d[A-Z_]\w*|d[a-z]\d*|\w*grad\w*|\w*delta\w*)['\]\d]*$")


class Follower:
    """See :class:`gradcheck.watching.arrays.events.Following`.

    Args:
        born: Called with each birth, at the end of the step in which it did harm.
        unseen: Called with what cannot be seen, in a sentence.
    """

    def __init__(self, born: Callable[[Birth], object], unseen: Callable[[str], object] | None = None) -> None:
        self.parameters: Collection[str] = ()
        self._unseen = unseen
        self._births = Births(born, lambda holder: self._reach.path_of(holder))
        self._dispatch = Dispatch(self._births)
        self._reach = Reach(self._dispatch.cls)
        self._functions = Functions(self._argument)
        self._first: frozenset[str] | None = None
        self._lasting: set[int] = set()  # what was there at first and is written to in place: no cache
        self._arguments: dict[int, np.ndarray[Any, Any]] = {}
        self._running = False
        self._step = 0

    @property
    def listener(self) -> Callable[[Event], object] | None:
        """Called with every event while it is set."""
        return self._dispatch.listener

    @listener.setter
    def listener(self, listener: Callable[[Event], object] | None) -> None:
        self._dispatch.listener = listener

    def follow(self, *roots: object) -> None:
        """Put followed arrays into every slot reachable from ``roots``, or from those of the last call."""
        if not self._running:
            self._running = True
            self._dispatch.flags.begin()
            libraries.follow(self._dispatch, True)
        self._reach.walk(tuple(map(self._functions.own, roots or self._reach.roots)), self._dispatch.followed)
        for function in roots:
            if isinstance(function, types.FunctionType):
                self._functions.swap(function)
        held = dict(self._reach.arrays())
        if self._first is None and self._unseen is not None:
            for path, kind in self._reach.others.items():
                what = f"{kind.__module__}.{kind.__name__}"
                self._unseen(f"{path} is a {what} and not followed: np.array({path}) would be")
        if self._first is None:
            self._first = frozenset(held)
            for path, array in held.items():
                self._births.was_there(path, array)
            self._lasting = {id(root(array)) for array in held.values() if finite(array)}
        self._births.parameters = {id(root(array)) for path, array in held.items() if self._kept(path)}

    def release(self) -> None:
        """Make everything plain again, whatever happened."""
        if not self._running:
            return
        self._running = False
        try:
            self._dispatch.stop()
            self._births.judge(self._step, None, self._places(), [array for _, array in self._reach.arrays()])
        finally:
            self._functions.restore()
            self._reach.restore()
            self._births.clear()
            self._arguments.clear()
            self._dispatch.flags.end()

    def step_ended(self, step: int, loss: object = None) -> None:
        """Judge the step that ends here."""
        self._dispatch.settle()
        number = _number(self.plain(loss))
        if self._births.suspicious:
            self.follow()  # a step may have put other lists and tuples of arrays in place of the old ones
        try:
            if step % _EVERY == 0 or self._births.suspicious or not (number is None or finite(number)):
                self._births.judge(step, number, self._places())
        finally:
            self._step = self._births.step = step + 1
            self._arguments.clear()

    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """Every followed slot's path and the plain array in it now."""
        return {path: array.view(np.ndarray) for path, array in self._reach.arrays()}

    def path_of(self, holder: object) -> str:
        """The path of an object reachable from the roots."""
        return self._reach.path_of(holder)

    def plain(self, value: Any) -> Any:
        """The same memory as plain arrays."""
        return mapped(value, self._dispatch.plain)

    def _kept(self, path: str) -> bool:
        return path in (self.parameters or self._first or ())

    def _places(self) -> Iterator[tuple[str, np.ndarray[Any, Any], bool]]:
        for path, array in self._reach.arrays():
            if self._kept(path) or _GRADIENT.search(path):
                yield path, array.view(np.ndarray), path in self.parameters or id(root(array)) in self._lasting

    def _argument(self, value: Any) -> Any:
        """What a function under watch is given in the place of an argument."""
        return mapped(value, self._dispatch.followed)


def _number(loss: object) -> Any:
    """The loss as NumPy has it; None where it is not a number."""
    if loss is None:
        return None
    try:
        array = np.asarray(loss, dtype=float)
    except (TypeError, ValueError):
        return None
    return array if array.size else None
