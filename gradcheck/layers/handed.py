"""Gradients that are seen only by an optimizer: ``self.W = self.opt.update(self.W, dW)`` inside the backward."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gradcheck.layers.calling import signature_of
from gradcheck.layers.reach import Path, nodes_of
from gradcheck.layers.values import is_array
from gradcheck.state.territory import is_user_module

__all__ = ["Handed"]

_METHODS = ("update", "step", "apply", "apply_gradient", "apply_gradients", "update_params", "get_update", "optimize")


class Handed:
    """Listens to the optimizers below an object: what they are handed is noted, and the weights stay where they are."""

    def __init__(self, starts: list[Path]) -> None:
        self.gradients: dict[Path, Any] = {}
        self.arrays: list[Path] = []
        self.listening: list[tuple[Path, str]] = []
        for path, value in nodes_of(*starts):
            if is_array(value) or isinstance(value, dict | list | tuple | type) or not hasattr(value, "__dict__"):
                continue
            if is_user_module(type(value).__module__):
                for name in _METHODS:
                    method = getattr(value, name, None)
                    if callable(method) and signature_of(method).accepts(2):
                        self.listening.append((path, name))

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Around a backward: calls of the optimizers' methods with one of ``arrays`` go to us."""
        self.gradients = {}
        with ExitStack() as stack:
            seen: set[int] = set()
            for path, name in self.listening:
                optimizer = path.get()
                if id(optimizer) in seen or not hasattr(optimizer, "__dict__"):
                    continue
                seen.add(id(optimizer))
                stack.enter_context(_in_place_of(optimizer, name, self._listener(getattr(optimizer, name))))
            yield

    def _listener(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def listen(*args: Any, **kwargs: Any) -> Any:
            values = [*args, *kwargs.values()]
            places = {id(path.get()): path for path in self.arrays}
            for i, weights in enumerate(values):
                for gradients in values[i + 1 :]:
                    pairs = _pairs(weights, gradients)
                    found = [(places[id(w)], g) for w, g in pairs if id(w) in places]
                    if found and len(found) == len(pairs):
                        self.gradients.update(found)
                        return weights
            return original(*args, **kwargs)

        return listen


def _pairs(weights: Any, gradients: Any) -> list[tuple[Any, Any]]:
    """The arrays of ``weights`` beside those of ``gradients`` with the same shape, in dicts and lists too."""
    if is_array(weights) and is_array(gradients):
        return [(weights, gradients)] if weights.shape == gradients.shape and weights is not gradients else []
    if isinstance(weights, dict) and isinstance(gradients, dict):
        keys = [key for key in weights if key in gradients]
        return [pair for key in keys for pair in _pairs(weights[key], gradients[key])]
    if isinstance(weights, list | tuple) and isinstance(gradients, list | tuple) and len(weights) == len(gradients):
        return [pair for w, g in zip(weights, gradients, strict=True) for pair in _pairs(w, g)]
    return []


@contextmanager
def _in_place_of(holder: Any, name: str, new: Any) -> Iterator[None]:
    own = vars(holder)
    had, old = name in own, own.get(name)
    own[name] = new
    try:
        yield
    finally:
        if had:
            own[name] = old
        else:
            own.pop(name, None)
