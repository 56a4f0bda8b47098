"""The arithmetic of traced arrays: +, -, *, /, @, **, comparisons, their reflected and in-place forms."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.trace import branches
from gradcheck.trace.dispatch import constant, derivative, record
from gradcheck.trace.node import Node
from gradcheck.trace.wengert.operations import binary
from gradcheck.trace.writes import store

__all__ = ["Operators"]

# Operations that never choose, so that there is no branch to be noted.
_SMOOTH = frozenset({np.add, np.subtract, np.multiply, np.divide})
_NUMBERS = frozenset({float, int, bool, np.float64, np.float32, np.int64, complex})


def _stands_back(other: Any) -> bool:
    """Whether NumPy would leave the operation to ``other``, as for a user's own Tensor class."""
    kind = type(other)
    if kind is np.ndarray or kind in (list, tuple):
        return False
    if hasattr(kind, "__array_ufunc__"):
        return kind.__array_ufunc__ is None
    return not isinstance(other, np.generic) and getattr(kind, "__array_priority__", 0.0) > 0.0


def _prepared(self: Node, other: Any) -> Any:
    """A list with traced numbers in it, as one traced array."""
    if type(other) in (list, tuple):
        return self._trace.array(other)
    return other


def _result(self: Node, ufunc: np.ufunc, a: Any, b: Any, value: Any, other: Any) -> Any:
    trace = self._trace
    is_node = isinstance(other, Node)
    depends = self._depends() | other._depends() if is_node else self._depends()
    if not depends:
        return constant(trace, value)
    enters = trace.enters
    if enters and ufunc in _SMOOTH and (self._light is not None or (is_node and other._light is not None)):
        light = binary(trace.entries, ufunc, a, b, value)
        if light is not None:
            return trace.carried(value, light)
        enters = False
    nodes = [self, other] if is_node else [self]
    values = (a.value, b.value) if is_node else (a.value, b) if a is self else (a, b.value)
    return record(trace, ufunc, ufunc.__name__, (a, b), {}, value, nodes, values, None, enters)


def _binary(ufunc: np.ufunc, compute: Callable[[Any, Any], Any]) -> Callable[[Node, Any], Any]:
    def method(self: Node, other: Any) -> Any:
        if isinstance(other, Node):
            return _result(self, ufunc, self, other, compute(self.value, other.value), other)
        if type(other) not in _NUMBERS:
            if _stands_back(other):
                return NotImplemented
            other = _prepared(self, other)
            if isinstance(other, Node):
                return method(self, other)
        return _result(self, ufunc, self, other, compute(self.value, other), other)

    return method


def _reflected(ufunc: np.ufunc, compute: Callable[[Any, Any], Any]) -> Callable[[Node, Any], Any]:
    def method(self: Node, other: Any) -> Any:
        if type(other) not in _NUMBERS:
            other = _prepared(self, other)
            if isinstance(other, Node):
                return _result(self, ufunc, other, self, compute(other.value, self.value), other)
        return _result(self, ufunc, other, self, compute(other, self.value), other)

    return method


def _comparison(compute: Callable[[Any, Any], Any]) -> Callable[[Node, Any], Any]:
    def method(self: Node, other: Any) -> Any:
        depends = self._depends()
        if isinstance(other, Node):
            depends = depends | other._depends()
            other = other.value
        elif type(other) not in _NUMBERS and _stands_back(other):
            return NotImplemented
        value = compute(self.value, other)
        if depends and value is not NotImplemented:
            self._trace.branch(branches.digest(value))
        return value

    return method


def _in_place(
    ufunc: np.ufunc, compute: Callable[[Any, Any], Any], compute_in_place: Callable[[Any, Any], Any]
) -> Callable[[Node, Any], Any]:
    ordinary = _binary(ufunc, compute)

    def method(self: Node, other: Any) -> Any:
        if not self._is_array():
            return ordinary(self, other)  # numbers have no in-place forms
        if type(other) not in _NUMBERS and not isinstance(other, Node):
            if _stands_back(other):
                return NotImplemented
            other = _prepared(self, other)
        depends = self._depends()
        plain = other
        if isinstance(other, Node):
            depends = other._depends() | depends
            plain = other.value
        if not depends:
            compute_in_place(self.value, plain)
            store(self, None)
            return self
        # The rule must see what stood there before NumPy writes; the result is computed aside where it is looked at.
        trace = self._trace
        aside = trace.verify or branches.is_step(ufunc)
        value = compute(self.value, plain) if aside else self.value
        branches.note(trace, ufunc, (self.value, plain), {}, value)
        shadow = None
        if not branches.is_step(ufunc):
            shadow = derivative(trace, ufunc, ufunc.__name__, (self, other), {}, value, (self.value, plain))
        compute_in_place(self.value, plain)
        store(self, shadow)
        return self

    return method


def _unary(ufunc: np.ufunc, compute: Callable[[Any], Any]) -> Callable[[Node], Any]:
    def method(self: Node) -> Any:
        value = compute(self.value)
        if not self._depends():
            return constant(self._trace, value)
        return record(self._trace, ufunc, ufunc.__name__, (self,), {}, value, (self,), (self.value,))

    return method


class Operators:
    """What the operators of an ndarray do, each by the ufunc NumPy itself uses."""

    __slots__ = ()

    __add__ = _binary(np.add, operator.add)
    __radd__ = _reflected(np.add, operator.add)
    __iadd__ = _in_place(np.add, operator.add, operator.iadd)
    __sub__ = _binary(np.subtract, operator.sub)
    __rsub__ = _reflected(np.subtract, operator.sub)
    __isub__ = _in_place(np.subtract, operator.sub, operator.isub)
    __mul__ = _binary(np.multiply, operator.mul)
    __rmul__ = _reflected(np.multiply, operator.mul)
    __imul__ = _in_place(np.multiply, operator.mul, operator.imul)
    __truediv__ = _binary(np.divide, operator.truediv)
    __rtruediv__ = _reflected(np.divide, operator.truediv)
    __itruediv__ = _in_place(np.divide, operator.truediv, operator.itruediv)
    __floordiv__ = _binary(np.floor_divide, operator.floordiv)
    __rfloordiv__ = _reflected(np.floor_divide, operator.floordiv)
    __ifloordiv__ = _in_place(np.floor_divide, operator.floordiv, operator.ifloordiv)
    __mod__ = _binary(np.remainder, operator.mod)
    __rmod__ = _reflected(np.remainder, operator.mod)
    __imod__ = _in_place(np.remainder, operator.mod, operator.imod)
    __pow__ = _binary(np.power, operator.pow)
    __rpow__ = _reflected(np.power, operator.pow)
    __ipow__ = _in_place(np.power, operator.pow, operator.ipow)
    __matmul__ = _binary(np.matmul, operator.matmul)
    __rmatmul__ = _reflected(np.matmul, operator.matmul)
    __imatmul__ = _in_place(np.matmul, operator.matmul, operator.imatmul)
    __divmod__ = _binary(np.divmod, divmod)
    __rdivmod__ = _reflected(np.divmod, divmod)

    __lt__ = _comparison(operator.lt)
    __le__ = _comparison(operator.le)
    __gt__ = _comparison(operator.gt)
    __ge__ = _comparison(operator.ge)
    __eq__ = _comparison(operator.eq)  # entry by entry, as an ndarray does
    __ne__ = _comparison(operator.ne)  # entry by entry, as an ndarray does

    __neg__ = _unary(np.negative, operator.neg)
    __pos__ = _unary(np.positive, operator.pos)
    __abs__ = _unary(np.absolute, operator.abs)
