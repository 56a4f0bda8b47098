"""The attributes and methods of an ndarray, each served by the NumPy function of its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.trace import casts, functions, inplace
from gradcheck.trace.dispatch import apply, constant
from gradcheck.trace.flat import Flat
from gradcheck.trace.node import Node

__all__ = ["Methods"]


def _function(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method with the arguments of ``function(self, ...)``."""

    def method(self: Node, *args: Any, **kwargs: Any) -> Any:
        return functions.call(self._trace, function, (self, *args), kwargs)

    return method


def _in_place(name: str) -> Callable[..., Any]:
    """A method that rearranges or overwrites the array itself."""

    def method(self: Node, *args: Any, **kwargs: Any) -> None:
        inplace.call_method(self, name, args, kwargs)

    return method


def _plain(name: str) -> property:
    """An attribute that is the same with the trace as without."""

    def attribute(self: Node) -> Any:
        return getattr(self.value, name)

    return property(attribute)


def _view(name: str, function: Callable[..., Any]) -> property:
    """An attribute that is an array of the same memory."""

    def attribute(self: Node) -> Any:
        return apply(self._trace, function, (self,), {}, compute=lambda value: getattr(value, name), name=name)

    return property(attribute)


def _shape_of(args: tuple[Any, ...]) -> Any:
    """``x.reshape(2, 3)`` and ``x.reshape((2, 3))`` are the same."""
    return args[0] if len(args) == 1 else args


# Attributes that give nothing of the data away.
_HARMLESS = frozenset({"setflags", "device", "is_integer"})


class Methods:
    """What an ndarray has besides operators."""

    __slots__ = ()

    @property
    def shape(self: Node) -> Any:  # type: ignore[misc]  # mixed into Node
        """The lengths of the axes; assigning reshapes the array itself."""
        return self.value.shape

    @shape.setter
    def shape(self: Node, shape: Any) -> None:  # type: ignore[misc]  # mixed into Node
        self._reshape_itself(shape)

    dtype = _plain("dtype")
    ndim = _plain("ndim")
    size = _plain("size")
    itemsize = _plain("itemsize")
    nbytes = _plain("nbytes")
    strides = _plain("strides")
    flags = _plain("flags")
    T = _view("T", np.transpose)
    mT = _view("mT", np.matrix_transpose)  # noqa: N815  # NumPy's name
    real = _view("real", np.real)
    imag = _view("imag", np.imag)

    sum = _function(np.sum)
    prod = _function(np.prod)
    mean = _function(np.mean)
    var = _function(np.var)
    std = _function(np.std)
    max = _function(np.max)
    min = _function(np.min)
    argmax = _function(np.argmax)
    argmin = _function(np.argmin)
    argsort = _function(np.argsort)
    argpartition = _function(np.argpartition)
    any = _function(np.any)
    all = _function(np.all)
    cumsum = _function(np.cumsum)
    cumprod = _function(np.cumprod)
    clip = _function(np.clip)
    round = _function(np.round)
    dot = _function(np.dot)
    trace = _function(np.trace)
    diagonal = _function(np.diagonal)
    repeat = _function(np.repeat)
    take = _function(np.take)
    squeeze = _function(np.squeeze)
    swapaxes = _function(np.swapaxes)
    ravel = _function(np.ravel)
    nonzero = _function(np.nonzero)
    searchsorted = _function(np.searchsorted)
    choose = _function(np.choose)
    conj = _function(np.conjugate)
    conjugate = _function(np.conjugate)

    fill = _in_place("fill")
    sort = _in_place("sort")
    partition = _in_place("partition")
    put = _in_place("put")

    def compress(self: Node, condition: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """The entries where ``condition`` holds."""
        return functions.call(self._trace, np.compress, (condition, self, *args), kwargs)

    def reshape(self: Node, *shape: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """The same entries in another shape: a view where NumPy can give one."""
        if not shape:
            shape = (kwargs.pop("shape"),)
        return functions.call(self._trace, np.reshape, (self, _shape_of(shape)), kwargs)

    def transpose(self: Node, *axes: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """A view with the axes in another order."""
        return functions.call(self._trace, np.transpose, (self, _shape_of(axes) if axes else None), {})

    def flatten(self: Node, order: Any = "C") -> Any:  # type: ignore[misc]  # mixed into Node
        """A flat copy."""
        return apply(self._trace, np.ravel, (self, order), {}, compute=lambda value, order: value.flatten(order))

    def copy(self: Node, order: Any = "C") -> Any:  # type: ignore[misc]  # mixed into Node
        """A copy with memory of its own."""
        return apply(self._trace, np.copy, (self, order), {}, compute=lambda value, order: value.copy(order))

    def astype(self: Node, dtype: Any, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """A copy in another dtype; the derivative passes between floating dtypes unrounded."""
        return casts.astype(self, dtype, *args, **kwargs)

    def view(self: Node, *args: Any, **kwargs: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """The same memory as another dtype: followed where that is no other."""
        return casts.view(self, *args, **kwargs)

    def item(self: Node, *index: Any) -> Any:  # type: ignore[misc]  # mixed into Node
        """One entry as a Python number, still traced."""
        return casts.item(self, *index)

    def tolist(self: Node) -> Any:  # type: ignore[misc]  # mixed into Node
        """Nested lists of Python numbers, still traced."""
        return casts.to_list(self)

    def __getattr__(self: Node, name: str) -> Any:  # type: ignore[misc]  # mixed into Node
        if name.startswith("__"):
            # __array_interface__ and the like give the memory away unseen: whoever asks is to try __array__.
            raise AttributeError(name)
        attribute = getattr(self.value, name)
        if name not in _HARMLESS and self._depends():
            self._trace.leak(f".{name} of an array")
        return attribute

    @property
    def flat(self: Node) -> Any:  # type: ignore[misc]  # mixed into Node
        """A flat iterator that reads and writes the array itself."""
        return Flat(self)

    @property
    def base(self: Node) -> Any:  # type: ignore[misc]  # mixed into Node
        """The array this one is a view of, or None."""
        base = getattr(self.value, "base", None)
        if self._memory is not None and type(base) is np.ndarray and base is self._memory.origin:
            node = self._trace.wrap(base, None)
            node._memory = self._memory
            node._version = -1
            return node
        return constant(self._trace, base)
