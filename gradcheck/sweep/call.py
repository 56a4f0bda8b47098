"""One call of ``check_layer``, and the same call with one thing changed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import signature_of
from gradcheck.layers.objects import FORWARDS, method_of
from gradcheck.state import own_generator

__all__ = ["Call", "forward_of", "is_of_torch", "is_shape", "parameter_names", "shown"]

Change = Callable[["Call"], "Call"]


@dataclass(frozen=True)
class Call:
    """The positional arguments and the options of a check, and attributes to set on the layer while it runs."""

    layer: tuple[Any, ...]
    options: Mapping[str, Any]
    attributes: tuple[tuple[str, Any], ...] = ()
    seed: int = 0

    @property
    def arguments(self) -> tuple[Any, ...]:
        """The forward's arguments: what follows the callables."""
        return self.layer[self.first_argument :]

    @property
    def first_argument(self) -> int:
        """Where the forward's arguments begin."""
        second = self.layer[1] if len(self.layer) > 1 else None
        if isinstance(second, tuple | list | Mapping) and second:  # one vjp an argument, None where there is none
            each = list(second.values() if isinstance(second, Mapping) else second)
            return 2 if any(map(callable, each)) and all(one is None or callable(one) for one in each) else 1
        return 2 if callable(second) and not isinstance(second, np.ndarray) else 1

    def names(self) -> list[str]:
        """The names of the forward's arguments, as far as its signature has any."""
        return parameter_names(self.layer[0])[: len(self.arguments)]

    def argument(self, name: str) -> Any:
        """The positional argument of this name; None where there is none."""
        return dict(zip(self.names(), self.arguments, strict=False)).get(name)

    def left_at_default(self) -> dict[str, Any]:
        """The options of the forward's signature that are not given, with their defaults."""
        given = {*self.names(), *(self.options.get("kwargs") or {})}
        defaults = signature_of(forward_of(self.layer[0])).defaults
        return {name: value for name, value in defaults.items() if name not in given}

    def with_argument(self, name: str, value: Any) -> Call:
        """The call with another value for a positional argument."""
        layer = list(self.layer)
        layer[self.first_argument + self.names().index(name)] = value
        return replace(self, layer=tuple(layer))

    def redrawn(self, name: str, shape: Sequence[int]) -> Call:
        """The call with another array, of another shape, for an array among the arguments.

        Floating-point entries are standard normal; integers are drawn up to the largest that was there.
        """
        old = np.asarray(self.argument(name))
        rng = own_generator(self.seed).spawn(self.names().index(name) + 2)[-1]  # each argument its own stream
        if old.dtype.kind in "iu":
            new = rng.integers(0, int(old.max()) + 1, size=tuple(shape)).astype(old.dtype)
        elif old.dtype.kind == "b":
            new = rng.random(tuple(shape)) < 0.5
        else:
            new = rng.standard_normal(tuple(shape)).astype(old.dtype)
        return self.with_argument(name, new)

    def with_option(self, name: str, value: Any) -> Call:
        """The call with another value for something that is no array: wherever it is given now.

        Raises:
            GradcheckError: nothing of this name is given, or can be.
        """
        if name in ("dtype", "seed"):
            return replace(self, options={**self.options, name: value})
        kwargs = dict(self.options.get("kwargs") or {})
        if name in kwargs:
            return replace(self, options={**self.options, "kwargs": {**kwargs, name: value}})
        for i, argument in enumerate(self.layer):
            if isinstance(argument, dict) and name in argument:
                layer = (*self.layer[:i], {**argument, name: value}, *self.layer[i + 1 :])
                return replace(self, layer=layer)
        if name in self.names():
            return self.with_argument(name, value)
        if hasattr(self.layer[0], name) and not inspect.isroutine(self.layer[0]):
            return replace(self, attributes=(*self.attributes, (name, value)))
        defaults = self.left_at_default()
        names = parameter_names(self.layer[0])
        if name in defaults and name in names and is_of_torch(self.layer[0], "Function"):  # which takes none by name
            before = [defaults[other] for other in names[len(self.arguments) : names.index(name)]]
            return replace(self, layer=(*self.layer, *before, value))
        if name in defaults or name in names:
            return replace(self, options={**self.options, "kwargs": {**kwargs, name: value}})
        raise GradcheckError(f"sweep: nothing of {_what(self.layer[0])} is called {name!r}; {self._offers()}")

    def option(self, name: str) -> Any:
        """The value that :meth:`with_option` would replace; None where there is none."""
        kwargs = self.options.get("kwargs") or {}
        for holder in (kwargs, *(a for a in self.layer if isinstance(a, dict))):
            if name in holder:
                return holder[name]
        given = self.argument(name)
        if given is not None:
            return given
        held = None if inspect.isroutine(self.layer[0]) else getattr(self.layer[0], name, None)
        return held if held is not None else self.left_at_default().get(name)

    def _offers(self) -> str:
        held = [key for a in self.layer if isinstance(a, dict) for key in a if isinstance(key, str)]
        kwargs = self.options.get("kwargs") or {}
        names = dict.fromkeys([*parameter_names(self.layer[0]), *kwargs, *self.left_at_default(), *held])
        return f"it takes {', '.join(names)}" if names else "it takes nothing by name"

    @contextmanager
    def attributes_set(self) -> Iterator[None]:
        """Around the check: the layer's attributes are as the call wants them, and afterwards as they were."""
        before = [(name, getattr(self.layer[0], name)) for name, _ in self.attributes]
        try:
            for name, value in self.attributes:
                setattr(self.layer[0], name, value)
            yield
        finally:
            for name, value in before:
                setattr(self.layer[0], name, value)


def forward_of(layer: Any) -> Any:
    """The callable that goes forward: a function itself, an object's ``forward`` or what it calls it."""
    if inspect.isroutine(layer) or hasattr(layer, "forward"):
        return layer if inspect.isroutine(layer) else layer.forward
    found = None if callable(layer) else method_of(layer, FORWARDS)
    return layer if found is None else found[1]


def is_of_torch(subject: object, kind: str = "") -> bool:
    """Whether it is PyTorch's own, or made of it; with ``kind`` of that class of PyTorch's."""
    classes = subject.__mro__ if isinstance(subject, type) else type(subject).__mro__
    return any(c.__module__.partition(".")[0] == "torch" and kind in ("", c.__name__) for c in classes)


def parameter_names(function: Any) -> list[str]:
    """The names of a callable's arguments, or of an object's forward's."""
    target = forward_of(function)
    names = list(signature_of(target).names) if callable(target) else []
    # torch.autograd.Function.forward(ctx, x): ctx is not the caller's to give
    return names[1:] if isinstance(function, type) and names[:1] in (["ctx"], ["self"]) else names


def is_shape(value: Any) -> bool:
    """Whether a value is a shape: a tuple or list of whole numbers."""
    return isinstance(value, tuple | list) and all(isinstance(n, int) and not isinstance(n, bool) for n in value)


def shown(value: Any) -> str:
    """A setting's value as the table shows it: shapes as 2×3, arrays by their shapes."""
    if is_shape(value):
        return "×".join(map(str, value)) or "scalar"
    if isinstance(value, np.ndarray):
        return "×".join(map(str, value.shape)) or "scalar"
    return value if isinstance(value, str) else repr(value)


def _what(subject: Any) -> str:
    return getattr(subject, "__name__", type(subject).__name__)
