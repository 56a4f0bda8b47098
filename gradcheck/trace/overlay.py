"""What the user's module sees as ``np``, ``math`` or ``scipy.special`` during the trace.

Creation functions have no array argument to dispatch on (``np.zeros(...)``, then ``out[i, j] = ...``), ``math.exp``
knows no arrays, SciPy asks no protocol, and a plain array among the operands of ``plain.dot(traced)`` answers in
silence. So every name falls through to the real module, and functions are called with the trace in mind.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace import functions, ufuncs
from gradcheck.trace.callbacks import CALLBACKS, Vectorized
from gradcheck.trace.dispatch import nodes_in
from gradcheck.trace.iterators import ITERATORS
from gradcheck.trace.node import Node
from gradcheck.trace.numbers import cast
from gradcheck.trace.randomness import RANDOM, is_random_source
from gradcheck.trace.wengert.operations import called

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["FunctionOverlay", "ModuleOverlay", "ObjectOverlay", "Overlay", "TypeOverlay", "overlaid", "real"]

_OVERLAID = ("numpy", "scipy", "math", "statistics")
# Where the types of modules, functions, universal functions, generators and index tricks come from.
_MAKERS = ("numpy", "scipy", "builtins", "_cython")
_FLOATS = (np.float64, np.float32, np.float16, np.longdouble)
# Their results are kept in files, strings or tests: nothing is to be traced there.
_UNTOUCHED = ("numpy.ma", "numpy.testing", "numpy.dtypes", "numpy.exceptions", "numpy.typing", "numpy.ctypeslib")


class Overlay:
    """Stands for ``_real``: equal to it, of its class, with its attributes."""

    def __init__(self, trace: Trace, target: Any) -> None:
        object.__setattr__(self, "_trace", trace)
        object.__setattr__(self, "_real", target)

    _trace: Trace
    _real: Any

    @property  # type: ignore[misc]  # nobody assigns it; it answers for what it stands for
    def __class__(self) -> Any:
        return type(self._real)

    def __getattr__(self, name: str) -> Any:
        attribute = overlaid(self._trace, getattr(self._real, name))
        if not name.startswith("__"):
            self.__dict__[name] = attribute
        return attribute

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._real, name, value)

    def __delattr__(self, name: str) -> None:
        delattr(self._real, name)

    def __eq__(self, other: object) -> bool:
        return bool(self._real == real(other))

    def __hash__(self) -> int:
        return hash(self._real)

    def __repr__(self) -> str:
        return repr(self._real)

    def __dir__(self) -> list[str]:
        return dir(self._real)

    def __reduce_ex__(self, protocol: Any) -> Any:  # the protocol's signature
        return _itself, (self._real,)

    def __copy__(self) -> Overlay:
        return self

    def __deepcopy__(self, memo: Any) -> Overlay:
        return self


class ModuleOverlay(Overlay):
    """A module."""


class ObjectOverlay(Overlay):
    """An object whose methods give arrays: a random generator. Its attributes may change and are not kept."""

    def __getattr__(self, name: str) -> Any:
        return overlaid(self._trace, getattr(self._real, name))


class FunctionOverlay(Overlay):
    """A function, a universal function or one of its methods."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        trace, function = self._trace, self._real
        if trace.enters and len(args) == 1 and not kwargs and isinstance(args[0], Node):
            result = called(trace, function, args[0])
            if result is not NotImplemented:
                return result
        args = tuple([real(arg) for arg in args])
        if kwargs:
            kwargs = {key: real(arg) for key, arg in kwargs.items()}
        special = CALLBACKS.get(function) or RANDOM.get(getattr(function, "__name__", ""))
        if special is not None and (function in CALLBACKS or is_random_source(getattr(function, "__self__", None))):
            return special(trace, function, *args, **kwargs)
        if next(nodes_in(list(args)), None) is None and (not kwargs or next(nodes_in(kwargs), None) is None):
            return trace.adopt(function(*args, **kwargs), args)
        bound = getattr(function, "__self__", None)
        if isinstance(bound, np.ufunc):
            return ufuncs.call(trace, bound, function.__name__, args, kwargs)
        return functions.call(trace, function, args, kwargs)


class TypeOverlay(Overlay):
    """``np.float64`` or ``float``: a cast when called; a dtype and a class everywhere else."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """What NumPy takes the object for where it wants a dtype."""
        found: np.dtype[Any] = np.dtype(self._real)
        return found

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays = Node if self._real is float else (Node, list, tuple, np.ndarray)
        if len(args) == 1 and isinstance(args[0], arrays):
            return cast(self._trace, self._real, args[0])
        made = self._real(*args, **kwargs)
        if args and isinstance(args[0], (str, bytes)) and self._trace.texts.has(made):
            self._trace.leak("a number read back from text")
        return made

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real)

    def __subclasscheck__(self, subclass: type) -> bool:
        return issubclass(real(subclass), self._real)

    def __or__(self, other: Any) -> Any:
        return self._real | real(other)

    def __ror__(self, other: Any) -> Any:
        return real(other) | self._real


class ClassOverlay(Overlay):
    """A class whose instances follow the trace: calling it makes ``make(trace, ...)``."""

    def __init__(self, trace: Trace, target: Any, make: Callable[..., Any]) -> None:
        super().__init__(trace, target)
        object.__setattr__(self, "_make", make)

    _make: Callable[..., Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._make(self._trace, *[real(arg) for arg in args], **{key: real(arg) for key, arg in kwargs.items()})

    def __instancecheck__(self, instance: object) -> bool:
        return isinstance(instance, self._real)


def _itself(x: Any) -> Any:
    return x


def real(x: Any) -> Any:
    """What an overlay stands for; anything else is itself."""
    return x._real if isinstance(type(x), type) and issubclass(type(x), Overlay) else x


def overlaid(trace: Trace, value: Any) -> Any:
    """The overlay of a module, function or class of NumPy, SciPy or math; any other value is itself."""
    kind = type(value)
    if kind is ModuleType:
        return _module(trace, value)
    if kind in (int, float, str, bool, type(None), tuple, dict) or isinstance(value, (Overlay, np.dtype)):
        return value
    if kind is np.ndarray:
        return trace.leaf(value)
    if isinstance(value, np.ndarray) or not kind.__module__.startswith(_MAKERS):
        return value  # subclasses of ndarray keep their own ways; the user's objects are not even looked at
    try:
        known = ITERATORS.get(value)
    except TypeError:  # unhashable
        return value
    if known is not None:
        return ClassOverlay(trace, value, known) if isinstance(value, type) else known(trace)
    if isinstance(value, type):
        if value in _FLOATS:
            return TypeOverlay(trace, value)
        if value in (np.random.RandomState, np.random.Generator):
            return ClassOverlay(trace, value, lambda trace, *args, **kwargs: trace.leaf(value(*args, **kwargs)))
        return value
    if is_random_source(value):
        return ObjectOverlay(trace, value)
    if isinstance(value, np.vectorize):
        return Vectorized(trace, value)
    if callable(value) and _is_numeric(value):
        return FunctionOverlay(trace, value)
    return value


def _is_numeric(function: Any) -> bool:
    """Whether a function is one of NumPy's, SciPy's or math's."""
    if isinstance(function, np.ufunc) or function in CALLBACKS:
        return True
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc) or is_random_source(owner):
        return True
    module = getattr(function, "__module__", None) or ""
    return module.split(".")[0] in _OVERLAID and not module.startswith(_UNTOUCHED)


def _module(trace: Trace, module: ModuleType) -> Any:
    name = module.__name__
    if name.split(".")[0] not in _OVERLAID or name.startswith(_UNTOUCHED):
        return module
    return trace.overlay_of(module)
