"""The traced array: to the user's code the ndarray, NumPy scalar or float that stands there without the trace."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace import functions, indexing, ufuncs
from gradcheck.trace.methods import Methods
from gradcheck.trace.node import OF_AN_ARRAY, Node
from gradcheck.trace.operators import Operators
from gradcheck.trace.sites import current_operation
from gradcheck.trace.writes import assign

if TYPE_CHECKING:
    import torch

    from gradcheck.trace.tape import Trace
    from gradcheck.trace.wengert.codes import Light

__all__ = ["Traced", "TracedArray", "TracedNumber"]

_ALL_DIGITS = 15


class Traced(Operators, Methods, Node):
    """A value of the user's forward whose derivative is being recorded.

    Not a subclass of ndarray: NumPy's C code would then compute with it without asking. ``isinstance(x, np.ndarray)``
    holds all the same, through ``__class__``.
    """

    __slots__ = ()
    __array_priority__ = 1e6

    @property  # type: ignore[misc]  # nobody assigns it; it answers for the value, that is its purpose
    def __class__(self) -> Any:
        return type(self.value)

    # -- NumPy's protocols -----------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return ufuncs.call(self._trace, ufunc, method, inputs, kwargs)

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,  # the protocol's signature
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
    ) -> Any:
        return functions.call(self._trace, function, args, kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        if self._depends():
            stored = current_operation() == "STORE_SUBSCR"
            self._left("stored into a plain array" if stored else "np.asarray(...) gives a plain array")
        value = np.asarray(self.value)
        return np.array(value, dtype=dtype) if copy else np.asarray(value, dtype=dtype)

    def __dlpack__(self, **kwargs: Any) -> Any:
        self._left("handed to another library")
        return np.asarray(self.value).__dlpack__(**kwargs)

    def __dlpack_device__(self) -> Any:
        return np.asarray(self.value).__dlpack_device__()

    # -- values that leave -----------------------------------------------------------------------------------------

    def _left(self, how: str) -> None:
        if self._depends():
            self._trace.leak(how)

    def __float__(self) -> float:
        if self._depends():
            operation = current_operation()
            if operation == "%":
                self._trace.texts.write(self.value)  # "%.3f" % x mostly prints: no gradient is lost
            else:
                self._left("stored into a plain array" if operation == "STORE_SUBSCR" else "float() of an array")
        return float(self.value)

    def __complex__(self) -> complex:
        self._left("complex() of an array")
        return complex(self.value)

    def __int__(self) -> int:
        return int(self._decide(int(self.value)))

    def __index__(self) -> int:
        return self.value.__index__()  # type: ignore[no-any-return]  # NumPy's own TypeError for floats

    def __trunc__(self) -> int:
        return int(self._decide(int(self.value)))

    def __floor__(self) -> int:
        return int(self._decide(int(np.floor(self.value))))

    def __ceil__(self) -> int:
        return int(self._decide(int(np.ceil(self.value))))

    def _decide(self, decision: Any) -> Any:
        """Record a whole number or truth value taken from the data: a branch, its derivative is zero."""
        if self._depends():
            self._trace.branch(hash(decision))
        return decision

    def __bool__(self) -> bool:
        return bool(self._decide(bool(self.value)))

    def __reduce_ex__(self, protocol: Any) -> Any:
        self._left("pickled")
        return self.value.__reduce_ex__(protocol)

    # -- containers ------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.value)

    def __iter__(self) -> Iterator[Any]:
        iter(self.value)  # NumPy's own TypeError for numbers
        return indexing.rows(self)

    def __getitem__(self, index: Any) -> Any:
        return indexing.getitem(self, index)

    def __setitem__(self, index: Any, new: Any) -> None:
        assign(self, index, new)

    def __contains__(self, item: Any) -> bool:
        return bool((self == item).any())

    def __hash__(self) -> int:
        return hash(self.value)  # NumPy's own TypeError for arrays

    # -- printing and copying --------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        self._written()
        return repr(self.value)

    def __str__(self) -> str:
        self._written()
        return str(self.value)

    def _written(self) -> None:
        if self._depends():
            self._trace.texts.write(self.value)

    def __format__(self, spec: str) -> str:
        digits = re.search(r"\.(\d+)", spec)
        if digits is not None and int(digits[1]) >= _ALL_DIGITS:
            # Nobody prints so many digits to look at them: the text is going to be read again.
            self._left("written as text with all its digits")
        self._written()
        return format(self.value, spec)

    def __copy__(self) -> Any:
        return functions.call(self._trace, np.copy, (self,), {}) if self._is_array() else self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        result = memo[id(self)] = copy.copy(self)
        return result

    def __round__(self, digits: int | None = None) -> Any:
        if digits is None and not self._is_array():
            return self._decide(round(self.value))
        return functions.call(self._trace, np.round, (self, digits or 0), {})


class TracedArray(Traced):
    """An array, or a number with a tensor."""

    __slots__ = ("__weakref__", *OF_AN_ARRAY)

    def __init__(
        self, trace: Trace, value: Any, shadow: torch.Tensor | None = None, light: Light | None = None
    ) -> None:
        self._trace = trace
        self.value = value
        self._shadow = shadow
        self._light = light
        self._varies = shadow is not None or light is not None
        self._memory = self._positions = self._reader = None
        self._version = 0
        self._met = False


class TracedNumber(Traced):
    """A number whose derivative the Wengert list carries, in as little memory as can be: it lies in no array."""

    __slots__ = ()

    def __init__(self, trace: Trace, value: Any, light: int) -> None:
        self._trace = trace
        self.value = value
        self._shadow = self._reader = None
        self._light = light
        self._varies = True
