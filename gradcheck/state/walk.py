"""Finding every place that user code can reach from its callables and arguments."""

from __future__ import annotations

import functools
import sys
import types
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.state.randomness import is_generator
from gradcheck.state.slot import MISSING, Slot
from gradcheck.state.snapshot import Snapshot
from gradcheck.state.territory import is_user_module, names_in, user_classes

__all__ = ["State"]

_ATOMS = (type(None), bool, int, float, complex, str, bytes, type(Ellipsis), slice, range, np.dtype)


class State:
    """What is reachable from ``roots``: arguments, bound objects, closures, defaults, and the globals their code names.

    Slots come in a fixed order (breadth first), so that two walks over equal objects agree.
    """

    def __init__(self, *roots: object) -> None:
        self.slots: list[Slot] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.tensors: list[Any] = []
        self.generators: list[Any] = []
        self.containers: list[Any] = []
        self.caches: list[Any] = []
        self.named_globals: list[tuple[dict[str, Any], str]] = []
        self.classes: list[type] = []
        self._seen: dict[int, object] = {}
        self._held: set[tuple[int, Any]] = set()
        self._queue: deque[tuple[object, str]] = deque((root, "") for root in roots)
        while self._queue:
            self._visit(*self._queue.popleft())

    def snapshot(self) -> Snapshot:
        """Remember the present contents of everything found, so that ``restore()`` brings them back."""
        return Snapshot(self)

    @contextmanager
    def substituted(self, leaf: Callable[[object], object]) -> Iterator[None]:
        """Hold ``leaf(value)`` in every slot while the block runs; tuples are rebuilt around replaced values."""
        memo: dict[int, object] = {}
        changed: list[tuple[Slot, object]] = []
        try:
            for slot in self.slots:
                old = slot.get()
                if old is MISSING:
                    continue
                new = _mapped(old, leaf, memo)
                if new is not old:
                    changed.append((slot, old))
                    slot.set(new)
            yield
        finally:
            for slot, old in reversed(changed):
                try:
                    slot.set(old)
                except (IndexError, KeyError):
                    continue  # the user's code took the place away; the snapshot puts the whole container back

    # -- the walk ------------------------------------------------------------------------------------------

    def _slot(self, container: Any, key: Any, kind: Any, path: str, value: object) -> None:
        # one slot a place, however many functions name it
        if isinstance(value, _ATOMS) or (id(container), key) in self._held:
            return
        self._held.add((id(container), key))
        self.slots.append(Slot(container, key, kind, path))
        self._queue.append((value, path))

    def _visit(self, value: object, path: str) -> None:
        if isinstance(value, _ATOMS) or id(value) in self._seen:
            return
        self._seen[id(value)] = value  # kept alive, so that the id is not used again
        if isinstance(value, np.ndarray):
            self._visit_array(value, path)
        elif is_generator(value):
            self.generators.append(value)
        elif isinstance(value, dict):
            self.containers.append(value)
            for key, item in dict.items(value):
                self._slot(value, key, "item", f"{path}[{key!r}]" if path else str(key), item)
            self._visit_attributes(value, path)
        elif isinstance(value, list | deque):
            self.containers.append(value)
            for i, item in enumerate(value):
                self._slot(value, i, "item", f"{path}[{i}]", item)
            self._visit_attributes(value, path)
        elif isinstance(value, tuple | set | frozenset):
            if isinstance(value, set):
                self.containers.append(value)
            for i, item in enumerate(value):
                self._queue.append((item, f"{path}[{i}]"))
        elif isinstance(value, types.FunctionType):
            self._visit_function(value, path)
        elif isinstance(value, types.MethodType):
            self._queue.append((value.__self__, path.rpartition(".")[0]))
            self._queue.append((value.__func__, path))
        elif isinstance(value, functools.partial):
            self._queue.append((value.func, path))
            for i, item in enumerate(value.args):
                self._slot(value, i, "partial", f"{path}.args[{i}]", item)
            self._queue.append((value.keywords, path))
        elif isinstance(value, staticmethod | classmethod):
            self._queue.append((value.__func__, path))
        elif isinstance(value, property):
            for accessor in (value.fget, value.fset):
                self._queue.append((accessor, path))
        elif isinstance(value, functools._lru_cache_wrapper):
            self.caches.append(value)
            self._queue.append((value.__wrapped__, path))
        elif isinstance(value, np.vectorize):
            self._queue.append((value.pyfunc, path))
        elif isinstance(value, type):
            self._visit_class(value)
        elif not isinstance(value, types.ModuleType):
            self._visit_object(value, path)

    def _visit_array(self, array: np.ndarray[Any, Any], path: str) -> None:
        self.arrays.append(array)
        if array.dtype == object:
            flat = array.reshape(-1) if array.flags.c_contiguous else None
            for i in range(0 if flat is None else flat.size):
                self._slot(flat, i, "item", f"{path}.flat[{i}]", flat[i] if flat is not None else None)

    def _visit_function(self, function: types.FunctionType, path: str) -> None:
        if not is_user_module(function.__module__):
            return
        names = names_in(function.__code__)
        self._visit_names(function.__globals__, names)
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            try:
                held = cell.cell_contents
            except ValueError:
                continue  # not yet assigned
            self.containers.append(cell)
            self._slot(cell, name, "cell", name, held)
        if function.__defaults__:
            self._slot(function, "__defaults__", "attribute", f"{function.__name__}.defaults", function.__defaults__)
        for extra in (function.__kwdefaults__, function.__dict__):
            if extra:
                self._queue.append((extra, path or function.__name__))

    def _visit_names(self, namespace: dict[str, Any], names: frozenset[str]) -> None:
        for name in sorted(names):
            if name in namespace:
                held = namespace[name]
                if (id(namespace), name) not in self._held:
                    self.named_globals.append((namespace, name))
                self._slot(namespace, name, "item", name, held)
            else:
                if (id(namespace), name) not in self._held:
                    self._held.add((id(namespace), name))
                    self.named_globals.append((namespace, name))  # not there yet: taken away again if a call makes it
                held = sys.modules.get(name)  # imported inside the function
            if isinstance(held, types.ModuleType) and is_user_module(held.__name__):
                key = (held.__name__, names)
                if hash(key) not in self._seen:
                    self._seen[hash(key)] = key
                    self._visit_names(vars(held), names)

    def _visit_class(self, cls: type) -> None:
        for base in user_classes(cls):
            if base in self.classes:
                continue
            self.classes.append(base)
            for name, item in list(vars(base).items()):
                if isinstance(item, types.FunctionType | staticmethod | classmethod | property):
                    self._queue.append((item, name))
                elif not (name.startswith("__") and name.endswith("__")) and not isinstance(
                    item, types.MemberDescriptorType | types.GetSetDescriptorType
                ):
                    self._slot(base, name, "class", f"{base.__name__}.{name}", item)

    def _visit_object(self, value: object, path: str) -> None:
        cls = type(value)
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(value, torch.Tensor):
            self.tensors.append(value)
            return
        plain_holder = isinstance(value, types.SimpleNamespace) or (
            torch is not None and isinstance(value, torch.nn.Module)
        )
        if not plain_holder and not is_user_module(cls.__module__):
            return
        self._visit_class(cls)
        self._visit_attributes(value, path)

    def _visit_attributes(self, value: object, path: str) -> None:
        own = getattr(value, "__dict__", None)
        if isinstance(own, dict) and id(own) not in self._seen:
            self._seen[id(own)] = own
            self.containers.append(own)
            for name, item in own.items():
                self._slot(own, name, "item", f"{path}.{name}" if path else str(name), item)
        for base in user_classes(type(value)):
            if "__slots__" not in vars(base):
                continue
            for name, descriptor in vars(base).items():
                if isinstance(descriptor, types.MemberDescriptorType):
                    slot = Slot(value, name, "attribute", f"{path}.{name}" if path else name)
                    held = slot.get()
                    if held is not MISSING:
                        self.containers.append(slot)
                        self._slot(value, name, "attribute", slot.path, held)


def _mapped(value: object, leaf: Callable[[object], object], memo: dict[int, object]) -> object:
    if type(value) is tuple or (isinstance(value, tuple) and hasattr(value, "_make")):
        if id(value) not in memo:
            items = [_mapped(item, leaf, memo) for item in value]
            same = all(new is old for new, old in zip(items, value, strict=True))
            make = getattr(type(value), "_make", tuple)
            memo[id(value)] = value if same else make(items)
        return memo[id(value)]
    return leaf(value)
