"""Remembering what user code may change, and putting it back."""

from __future__ import annotations

import contextlib
from collections import OrderedDict, deque
from collections.abc import Container
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.state.randomness import Randomness
from gradcheck.state.slot import MISSING, Slot

if TYPE_CHECKING:
    from gradcheck.state.walk import State

__all__ = ["Snapshot"]


class Snapshot:
    """The contents of containers, arrays, tensors, attributes, globals and random generators at the time of making.

    ``restore()`` may be called any number of times; memoised functions (``functools.lru_cache``) are emptied,
    since what they remembered during a check may hold the check's own arrays.
    """

    def __init__(self, state: State) -> None:
        self.state = state
        self._containers = [(container, _contents(container)) for container in state.containers]
        self._globals = [(namespace, name, namespace.get(name, MISSING)) for namespace, name in state.named_globals]
        self._classes = [(cls, dict(vars(cls))) for cls in state.classes]
        kept = _independent(state.arrays)
        self._arrays = [(array, array.copy()) for array in kept if array.flags.writeable]
        self._tensors = [
            (t, t.detach().clone(), grad, None if grad is None else grad.clone())
            for t, grad in ((t, t.grad if t.is_leaf or t.retains_grad else None) for t in state.tensors)
        ]
        self._randomness = Randomness(state.generators)

    def __deepcopy__(self, memo: dict[int, Any]) -> Snapshot:
        return self  # of these very objects, whoever holds it

    def restore(self, untouched: Container[int] = (), seeded: bool = False) -> None:
        """Put everything back as it was when the snapshot was made.

        Args:
            untouched: The ids of arrays that nothing can have written to.
            seeded: The global generators will be seeded before anything is drawn from them; leave them as they are.
        """
        for container, contents in self._containers:
            _put_back(container, contents)
        for namespace, name, value in self._globals:
            if value is MISSING:
                namespace.pop(name, None)
            elif namespace.get(name, MISSING) is not value:
                namespace[name] = value
        for cls, contents in self._classes:
            _put_back_class(cls, contents)
        for array, copy in self._arrays:
            if id(array) not in untouched:
                array[...] = copy
        if self._tensors:
            self._restore_tensors()
        for cache in self.state.caches:
            cache.cache_clear()
        self._randomness.restore(own_only=seeded)

    def restore_randomness(self, own_only: bool = False) -> None:
        """Put back the random generators only; with ``own_only`` those of the user's own alone."""
        self._randomness.restore(own_only=own_only)

    def changed_arrays(self) -> list[np.ndarray[Any, Any]]:
        """The arrays whose contents differ now from what they were."""
        return [a for a, copy in self._arrays if not (np.array_equal(a, copy) or _equal_with_nan(a, copy))]

    def copy_of(self, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
        """What this very array held, to be read only; None where it was not remembered on its own."""
        return next((copy for known, copy in self._arrays if known is array), None)

    def _restore_tensors(self) -> None:
        import torch

        with torch.no_grad():
            for tensor, copy, grad, grad_copy in self._tensors:
                # what did not change keeps its version: a graph that the caller holds may have saved it
                if not _equal_tensors(tensor, copy):
                    tensor.copy_(copy)
                if tensor.is_leaf or tensor.retains_grad:
                    tensor.grad = grad
                if grad is not None and grad_copy is not None and not _equal_tensors(grad, grad_copy):
                    grad.copy_(grad_copy)


def _equal_tensors(left: Any, right: Any) -> bool:
    import torch

    plain = left.layout == torch.strided and not left.is_nested and not left.is_meta
    return plain and left.shape == right.shape and torch.equal(left, right)


def _equal_with_nan(left: np.ndarray[Any, Any], right: np.ndarray[Any, Any]) -> bool:
    return left.dtype.kind in "fc" and np.array_equal(left, right, equal_nan=True)


def _independent(arrays: list[np.ndarray[Any, Any]]) -> list[np.ndarray[Any, Any]]:
    """The arrays that are not views of another one in the list."""
    ids = {id(array) for array in arrays}

    def covered(array: np.ndarray[Any, Any]) -> bool:
        base = array.base
        while isinstance(base, np.ndarray):
            if id(base) in ids:
                return True
            base = base.base
        return False

    return [array for array in arrays if not covered(array)]


def _contents(container: Any) -> Any:
    if isinstance(container, dict):
        return dict(dict.items(container))
    if isinstance(container, list | deque):
        return list(container)
    if isinstance(container, set):
        return set(container)
    if isinstance(container, Slot):
        return container.get()
    return container.cell_contents


def _put_back(container: Any, contents: Any) -> None:
    if isinstance(container, dict):
        if not _same(list(dict.items(container)), list(contents.items())):
            # past what the user's class overrides, but not past the order that an OrderedDict keeps beside
            own = OrderedDict if isinstance(container, OrderedDict) else dict
            own.clear(container)
            own.update(container, contents)
    elif isinstance(container, list):
        if len(container) != len(contents) or any(a is not b for a, b in zip(container, contents, strict=True)):
            list.__setitem__(container, slice(None), contents)
    elif isinstance(container, deque | set):
        container.clear()
        (container.extend if isinstance(container, deque) else container.update)(contents)
    elif isinstance(container, Slot):
        container.set(contents)
    else:
        container.cell_contents = contents


def _same(left: list[tuple[Any, Any]], right: list[tuple[Any, Any]]) -> bool:
    # by identity: comparing arrays would compare their entries
    return len(left) == len(right) and all(
        k1 is k2 and v1 is v2 for (k1, v1), (k2, v2) in zip(left, right, strict=True)
    )


def _put_back_class(cls: type, contents: dict[str, Any]) -> None:
    now = dict(vars(cls))
    for name in now.keys() - contents.keys():
        with contextlib.suppress(AttributeError, TypeError):
            type.__delattr__(cls, name)
    for name, value in contents.items():
        if now.get(name, MISSING) is not value and name not in ("__dict__", "__weakref__"):
            with contextlib.suppress(AttributeError, TypeError):
                type.__setattr__(cls, name, value)
