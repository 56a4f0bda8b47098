"""The places that hold arrays: followed arrays are put there, and plain ones put back."""

from __future__ import annotations

import contextlib
import gc
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.state.slot import MISSING, Slot
from gradcheck.state.territory import is_user_module
from gradcheck.state.walk import State
from gradcheck.trace.sites import user_frame
from gradcheck.watching.arrays.array import FollowedArray
from gradcheck.watching.arrays.plain import mapped

__all__ = ["Reach"]

Array = np.ndarray[Any, Any]


class Reach:
    """Every slot reachable from some roots, and which of the user's arrays each followed one stands for."""

    def __init__(self, cls: type[FollowedArray]) -> None:
        self._cls = cls
        self._roots: tuple[object, ...] = ()
        self._slots: list[Slot] = []
        self._own: dict[int, tuple[FollowedArray, Array]] = {}
        self._known: dict[int, FollowedArray] = {}
        self._paths: dict[int, tuple[object, str]] = {}
        self._references = 0
        self.others: dict[str, type] = {}
        """The places of arrays that cannot be followed: of a class with rules of its own (``np.matrix``)."""

    @property
    def roots(self) -> tuple[object, ...]:
        """Where the walk begins."""
        return self._roots

    def walk(self, roots: tuple[object, ...], followed: Callable[[Any], Any]) -> None:
        """Find the slots and put ``followed(array)`` where a plain array of floating-point numbers is held."""
        self._roots = roots
        self._references = self._references or sys.getrefcount(self._cls)
        state = State(*roots)
        self._slots = [slot for slot in state.slots if self._settle(slot, followed)]
        self._paths = {
            id(held): (held, slot.path)
            for slot in reversed(state.slots)
            if not isinstance(held := slot.get(), np.ndarray | tuple)
        }

    def path_of(self, holder: object) -> str:
        """The path of an object that was found; empty elsewhere."""
        return self._paths.get(id(holder), (None, ""))[1]

    def arrays(self) -> Iterator[tuple[str, Array]]:
        """Each place with a followed array: its path, and the array as it is held."""
        for slot in self._slots:
            yield from _arrays(slot.get(), slot.path)

    def restore(self) -> None:
        """Put plain arrays back: the user's own where they were not replaced, and in whatever else holds ours now."""
        for slot in State(*self._roots).slots:
            held = slot.get()
            if held is not MISSING:
                self._set(slot, held, mapped(held, self._plain) if isinstance(held, tuple) else self._plain(held))
        self._sweep()
        self._slots, self._own, self._known = [], {}, {}

    def _settle(self, slot: Slot, followed: Callable[[Any], Any]) -> bool:
        """Whether the slot holds followed arrays, now that it was seen to."""
        held = slot.get()
        if held is MISSING or not isinstance(held, np.ndarray | tuple):
            return False
        kind = type(held)  # classes that are followed are equal to np.ndarray, and are not it
        if isinstance(held, np.ndarray) and not (kind is np.ndarray or kind is self._cls) and held.dtype.kind in "fc":
            self.others.setdefault(slot.path, kind)

        def change(value: Any) -> Any:
            if type(value) is not np.ndarray:
                return value
            known = self._known.get(id(value))
            if known is not None:
                return known
            new = followed(value)
            if new is not value:
                self._own[id(new)] = (new, value)
            return new

        self._known = {id(own): ours for ours, own in self._own.values()}  # an array in two places stays one
        self._set(slot, held, mapped(held, change))
        return any(True for _ in _arrays(slot.get(), slot.path))

    @staticmethod
    def _set(slot: Slot, held: object, value: object) -> None:
        if value is not held:
            slot.set(value)

    def _plain(self, value: Any) -> Any:
        """The user's own array, where this one stands for it still."""
        if type(value) is not self._cls:
            return value
        plain = value.view(np.ndarray)
        _, own = self._own.get(id(value), (None, value.base))
        if type(own) is np.ndarray and _same_layout(own, plain):
            return own
        return plain

    def _sweep(self) -> None:
        """Containers that came up meanwhile, not reached from the roots: a history in a list, a script's globals.

        What is in sight of the calls that run now is looked at first, for to go through everything takes a second.
        """
        if self._left() <= 0:
            return
        held = set(map(id, self._clean_frames()))
        if self._left() <= len(held - self._own.keys()):
            return
        ours: dict[type, bool] = {}
        for holder in gc.get_objects():
            kind = type(holder)
            if kind in _LISTS:
                self._clean(holder)
                continue
            users = ours.get(kind)
            if users is None:
                users = ours[kind] = kind is types.CellType or (bool(kind.__flags__ & _HEAP) and _is_users(kind))
            if users:
                self._clean_object(holder)

    def _left(self) -> int:
        """How many of our arrays there are beside those that are kept here: every instance holds its class."""
        return sys.getrefcount(self._cls) - self._references - len(self._own)

    def _clean_frames(self) -> list[FollowedArray]:
        """What the running calls can see; the arrays in their own variables, which cannot be changed, are returned."""
        found = []
        seen: set[int] = set()
        frame = user_frame()
        while frame is not None:
            here = frame.f_locals
            if frame.f_globals is not here and id(frame.f_globals) not in seen:
                seen.add(id(frame.f_globals))
                self._clean(frame.f_globals)
            for value in list(here.values()):
                if type(value) is self._cls:
                    found.append(value)
                elif type(value) in _LISTS:
                    self._clean(value)
                elif _is_users(type(value)):
                    self._clean_object(value)
            if frame.f_globals is here:
                self._clean(here)
            frame = frame.f_back
        return found

    def _clean_object(self, holder: Any) -> None:
        if type(holder) is types.CellType:
            with contextlib.suppress(ValueError):  # not yet assigned
                new = mapped(holder.cell_contents, self._plain)
                if new is not holder.cell_contents:
                    holder.cell_contents = new
        elif type(own := getattr(holder, "__dict__", None)) is dict:
            self._clean(own)

    def _clean(self, holder: Any, depth: int = 3) -> None:
        values = list(holder.values()) if type(holder) is dict else holder
        kinds = set(map(type, values))
        if self._cls in kinds or (tuple in kinds and any(self._in_tuple(v) for v in values if type(v) is tuple)):
            for key, value in list(holder.items()) if type(holder) is dict else list(enumerate(holder)):
                if type(value) is self._cls or (type(value) is tuple and self._in_tuple(value)):
                    holder[key] = mapped(value, self._plain)
        if depth and dict in kinds:
            # a dict of nothing but arrays is unknown to the collector, so it is looked for in what holds it
            for value in list(values):
                if type(value) is dict and value and not gc.is_tracked(value):
                    self._clean(value, depth - 1)

    def _in_tuple(self, value: tuple[Any, ...]) -> bool:
        return any(type(item) is self._cls or (type(item) is tuple and self._in_tuple(item)) for item in value)


def _is_users(kind: type) -> bool:
    module: object = kind.__module__  # a descriptor in a few classes written in C
    return isinstance(module, str) and is_user_module(module)


_HEAP = 1 << 9  # classes written in Python
_LISTS = (dict, list, deque)


def _same_layout(a: Array, b: Array) -> bool:
    return (a.shape, a.strides, a.dtype) == (b.shape, b.strides, b.dtype) and (
        a.__array_interface__["data"] == b.__array_interface__["data"]
    )


def _arrays(held: object, path: str) -> Iterator[tuple[str, Array]]:
    if isinstance(held, np.ndarray):
        if held.dtype.kind in "fc":
            yield path, held
    elif isinstance(held, tuple):
        for i, item in enumerate(held):
            yield from _arrays(item, f"{path}[{i}]")
