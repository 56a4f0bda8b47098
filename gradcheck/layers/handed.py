"""Gradients that are seen only by an optimizer: ``self.W = self.opt.update(self.W, dW)`` inside the backward."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from gradcheck.layers.calling import signature_of
from gradcheck.layers.reach import Path, nodes_of
from gradcheck.layers.values import is_array
from gradcheck.state.territory import is_user_module

__all__ = ["Handed"]

_RULE = re.compile(r"\w*opt(im(izer?)?)?(_?\w{1,4})?|\w*update(r|_rule|_fn|_func)?|solver|sgd|adam")
_METHODS = ("update", "step", "apply", "apply_gradient", "apply_gradients", "update_params", "get_update", "optimize")


class Handed:
    """Listens to the optimizers below an object: what they are handed is noted, and the weights stay where they are."""

    def __init__(self, starts: list[Path]) -> None:
        self.gradients: dict[Path, Any] = {}
        self.arrays: list[Path] = []
        self.listening: list[tuple[Path, str]] = []
        for path, value in nodes_of(*starts):
            if _is_rule(path, value):
                self.listening.append((path, ""))
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
            for path, name in sorted(
                self.listening, key=lambda place: not place[1]
            ):  # what stands in for it comes last
                optimizer = path.get()
                if not name:
                    stack.enter_context(_at(path, _Rule(optimizer, self._listener(optimizer))))
                    continue
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


def _is_rule(path: Path, value: Any) -> bool:
    """``self.optimizer`` that is called itself: ``self.W = self.optimizer(self.W, dW)``."""
    if isinstance(value, type) or not callable(value) or is_array(value):
        return False
    key = path.keys[-1]
    return isinstance(key, str) and bool(_RULE.fullmatch(key.strip("_").lower())) and signature_of(value).accepts(2)


class _Rule:
    """Stands where an optimizer stood that is called itself; in all else it is that optimizer."""

    def __init__(self, original: Any, listener: Callable[..., Any]) -> None:
        self._original, self._listener = original, listener

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._listener(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)


@contextmanager
def _at(path: Path, new: Any) -> Iterator[None]:
    old = path.get()
    path.set(new)
    try:
        yield
    finally:
        path.set(old)


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
