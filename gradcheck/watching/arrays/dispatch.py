"""What happens at an operation on followed arrays: NumPy's own on plain views, then a look at the result."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.trace.sites import Site, current_site, user_frame
from gradcheck.watching.arrays import libraries
from gradcheck.watching.arrays.array import FollowedArray, followed_class
from gradcheck.watching.arrays.births import Births
from gradcheck.watching.arrays.events import Event
from gradcheck.watching.arrays.flags import Flags
from gradcheck.watching.arrays.plain import finite, given_back, mapped
from gradcheck.watching.arrays.pool import Pool
from gradcheck.watching.arrays.words import Source, operand_value, operation_name, source_of

__all__ = ["Dispatch"]

_ndarray = np.ndarray
# BLAS may compute on threads of its own, whose floating-point errors are not heard.
_BY_VALUE = frozenset(
    [np.matmul, np.vecdot] + [getattr(np, name) for name in ("matvec", "vecmat") if hasattr(np, name)]
)
# Their output is their first argument.
_WRITING = frozenset([np.copyto, np.place, np.put, np.putmask, np.put_along_axis, np.fill_diagonal])
_REDUCING = {np.add: np.sum, np.multiply: np.prod, np.maximum: np.max, np.minimum: np.min}
_MADE = 256  # arrays that are made before the next operation
_ACCUMULATING = {np.add: np.cumsum, np.multiply: np.cumprod}


class Dispatch:
    """The operations of one watch."""

    def __init__(self, births: Births) -> None:
        self.births = births
        self.flags = Flags(births.elsewhere)
        self.cls = followed_class(self)
        self.active = True
        self._pool = Pool()
        self._listener: Callable[[Event], object] | None = None
        self._made: list[tuple[Any, Any, Any, Site]] = []

    # -- plain and followed ----------------------------------------------------------------------------------

    def plain(self, value: Any) -> Any:
        """A plain array over the same memory; anything else is itself."""
        return value.view(_ndarray) if type(value) is self.cls else value

    def followed(self, value: Any) -> Any:
        """A followed array over the same memory, of a plain array of floating-point numbers."""
        if type(value) is _ndarray and value.dtype.kind in "fc" and self.active:
            return value.view(self.cls)
        return value

    @property
    def listener(self) -> Callable[[Event], object] | None:
        """Who is told of every event."""
        return self._listener

    @listener.setter
    def listener(self, listener: Callable[[Event], object] | None) -> None:
        self._flush()
        self._listener = listener
        libraries.create(self, self.active and listener is not None)
        self._mind_writes()

    def _mind_writes(self) -> None:
        if self.births.tainted:
            self._pool.clear()  # what is under suspicion is known by its memory
        # Reads and writes of entries are seen only while somebody wants to know: they are what loops are made of.
        suspects = self.active and bool(self.births.tainted)
        self._mind("__setitem__", _write, suspects or (self.active and self._listener is not None))
        self._mind("__getitem__", _read, suspects)

    def _mind(self, name: str, seen: Any, wanted: bool) -> None:
        if wanted and name not in vars(self.cls):
            setattr(self.cls, name, seen)
        elif not wanted and name in vars(self.cls):
            delattr(self.cls, name)

    # -- the three ways in -----------------------------------------------------------------------------------

    def ufunc(self, ufunc: Any, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A universal function or one of its methods."""
        cls = self.cls
        odd = False
        plain: list[Any] = []
        for x in inputs:
            kind = type(x)
            if kind is cls:
                x = x.view(_ndarray)
            elif kind is _ndarray:
                odd = odd or (x.dtype.kind == "f" and not finite(x))
            elif kind is float or kind is np.float64:
                odd = odd or not math.isfinite(x)
            plain.append(x)
        out = kwargs.get("out")
        if out is not None:
            kwargs["out"] = tuple([x.view(_ndarray) if type(x) is cls else x for x in out])
        if kwargs.get("where") is not None:
            kwargs["where"] = self.plain(kwargs["where"])
        call = ufunc if method == "__call__" else getattr(ufunc, method)
        if not self.active:
            result = call(*plain, **kwargs)
            return given_back(result, out) if out is not None else result
        if self._made:
            self._flush()
        flags = self.flags
        births = self.births
        if not kwargs and method == "__call__" and not births.tainted and self._listener is None:
            into = self._pool.output(ufunc, plain)
            if into is not None:
                kwargs = {"out": into}
        result = flags.heard_in(call, plain, kwargs)
        if flags.heard or odd or births.tainted or ufunc in _BY_VALUE:
            self._look_at_ufunc(ufunc, method, plain, kwargs, result)
        if self._listener is not None:
            self._tell_ufunc(ufunc, method, plain, kwargs, result)
        if flags.heard:
            flags.pass_on(3)
        if out is not None:
            return given_back(result, out)
        if type(result) is _ndarray:
            return result.view(cls) if result.dtype.kind in "fc" else result
        return tuple(map(self.followed, result)) if type(result) is tuple else result

    def function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Any other NumPy function."""
        return self._call(function, function, args, kwargs, self._inputs(function, args, kwargs))

    def method(
        self, name: str, function: Any, array: FollowedArray, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """A method of ndarray that would not ask, or in pieces."""
        if self._listener is None and self.active and not (self.births.tainted or self._made or "out" in kwargs):
            return self._unheard(name, function, array, args, kwargs)
        return self._call(getattr(_ndarray, name), function, (array, *args), kwargs, (array, *args))

    def _unheard(
        self, name: str, function: Any, array: FollowedArray, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """The same while nobody listens and nothing is suspect: loops call methods on small arrays."""
        plain = array.view(_ndarray)
        args = tuple([mapped(x, self.plain) for x in args])
        flags, outer = self.flags, self.flags.nested
        flags.nested = True
        try:
            result = getattr(plain, name)(*args, **kwargs)
        finally:
            flags.nested = outer
        if result is plain:
            return array
        is_array = type(result) is _ndarray
        if not (is_array or isinstance(result, np.inexact)) or result.dtype.kind not in "fc":
            return result
        if not (finite(result) if is_array else np.isfinite(result)):
            self.births.look(function, (plain, *args), result, keywords=kwargs)
            self._mind_writes()
        return result.view(self.cls) if is_array else result

    def write(self, array: FollowedArray, index: Any, value: Any) -> None:
        """``array[index] = value``, while writes are minded."""
        plain, value = array.view(_ndarray), self.plain(value)
        index = mapped(index, self.plain)
        plain[index] = value
        if not self.active:
            return
        self._flush()
        births = self.births
        if isinstance(value, _ndarray):
            births.copied(value, plain)
        elif isinstance(value, float | np.floating) and not math.isfinite(value):
            births.set(plain, float(value))
        if self._listener is not None:
            self._tell(_ndarray.__setitem__, (plain, index, value), {}, plain, True)

    def read(self, array: FollowedArray, index: Any) -> Any:
        """``array[index]``, while something is suspect: chosen entries are a copy, and take the suspicion with them."""
        result = _ndarray.__getitem__(array, index)
        if self.active:
            self.births.copied(array, result)
        return result

    # -- after the operation ---------------------------------------------------------------------------------

    def made(self, array: FollowedArray, origin: Any) -> None:
        """NumPy's own code has made a new array of our class, and will fill it: ``x.dot(W)``, a copy."""
        if not self.active or len(self._made) >= _MADE:
            return
        site = current_site()
        source = source_of(site)
        by_dot = source.function == "dot" and source.method
        self._made.append((array, self.plain(self._receiver(source)) if by_dot else None, origin, site))

    def _flush(self) -> None:
        """Look at the arrays that have been made and are filled by now."""
        made, self._made = self._made, []
        for array, receiver, origin, site in made:
            plain, origin = array.view(_ndarray), self.plain(origin)
            source = source_of(site)
            if source.function == "dot" and source.method:
                self._record(np.dot, (receiver, origin), plain, site)
            else:
                function = getattr(np, source.function, None) if source.method else None
                self._record(function if callable(function) else np.copy, (origin,), plain, site)

    @staticmethod
    def _receiver(source: Source) -> Any:
        """The array whose method was called: a plain one, which is in sight only by its name."""
        frame = user_frame()
        return operand_value(source.operands[0], frame.f_locals, frame.f_globals) if frame is not None else None

    def _record(self, function: Any, inputs: tuple[Any, ...], output: Any, site: Site) -> None:
        self.births.look(function, inputs, output, site=site)
        self._mind_writes()
        if self._listener is not None:
            self._told(Event(site, operation_name(site, function), function, inputs, output))

    def _call(
        self, call: Any, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any], operands: tuple[Any, ...]
    ) -> Any:
        views: list[tuple[Any, Any]] = []

        def unwrapped(x: Any) -> Any:
            if type(x) is not self.cls:
                return x
            view = x.view(_ndarray)
            views.append((view, x))
            return view

        out = kwargs.get("out")
        views.extend((x, x) for x in (*args, out) if type(x) is _ndarray)
        args = mapped(args, unwrapped)
        if kwargs:
            kwargs = mapped(kwargs, unwrapped)
        if not self.active:
            result = call(*args, **kwargs)
        else:
            if self._made:
                self._flush()
            flags, outer = self.flags, self.flags.nested
            flags.nested = True
            try:
                result = call(*args, **kwargs)
            finally:
                flags.nested = outer
        if not self.active:
            return mapped(result, lambda r: _original(r, views))
        inputs = mapped(operands, self.plain)
        writing = function in _WRITING
        output = inputs[0] if writing else result
        keywords = {key: value for key, value in kwargs.items() if key != "out"}
        self.births.look(function, inputs, output, keywords=keywords, overwritten=(0,) if writing else ())
        self._mind_writes()
        if self._listener is not None:
            self._tell(function, inputs, keywords, output, writing or out is not None)
        return mapped(result, lambda r: _original(r, views, self.followed))

    def _look_at_ufunc(self, ufunc: Any, method: str, plain: list[Any], kwargs: dict[str, Any], result: Any) -> None:
        output = plain[0] if method == "at" else result
        if not self.births.tainted and type(output) is _ndarray and (output.dtype.kind not in "fc" or finite(output)):
            return  # as nearly always: nothing more is asked then
        out = kwargs.get("out")
        out = out if isinstance(out, tuple) else ()  # the pool's is nobody's
        over = tuple(
            i
            for i, x in enumerate(plain)
            if isinstance(x, _ndarray) and any(isinstance(o, _ndarray) and np.may_share_memory(x, o) for o in out)
        )
        elementwise = method == "__call__" and ufunc.signature is None and not isinstance(result, tuple)
        keywords = {key: value for key, value in kwargs.items() if key != "out"}
        self.births.look(
            _canonical(ufunc, method),
            plain,
            output,
            keywords=keywords,
            elementwise=elementwise and "where" not in keywords,
            overwritten=(0,) if method == "at" else over,
        )
        self._mind_writes()

    def _tell_ufunc(self, ufunc: Any, method: str, plain: list[Any], kwargs: dict[str, Any], result: Any) -> None:
        keywords = {key: value for key, value in kwargs.items() if key != "out"}
        at = method == "at"
        output = plain[0] if at else result
        self._tell(_canonical(ufunc, method), tuple(plain), keywords, output, at or kwargs.get("out") is not None)

    def _tell(self, function: Any, inputs: tuple[Any, ...], keywords: dict[str, Any], output: Any, over: bool) -> None:
        site = current_site()
        self._told(Event(site, operation_name(site, function), function, inputs, output, keywords, over))

    def _told(self, event: Event) -> None:
        listener = self._listener
        if listener is not None:
            with np.errstate(all="ignore"):
                listener(event)

    @staticmethod
    def _inputs(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
        if function is np.einsum or args:
            return args
        return tuple(value for key, value in kwargs.items() if key != "out")

    def settle(self) -> None:
        """Look at whatever has not been looked at."""
        self._flush()

    def stop(self) -> None:
        """From now on every operation is NumPy's own, and its results are plain."""
        self._flush()
        self.active = False
        self.listener = None
        libraries.follow(self, False)
        self._pool.clear()
        self._mind_writes()


def _write(self: FollowedArray, index: Any, value: Any) -> None:
    self._dispatch.write(self, index, value)


def _read(self: FollowedArray, index: Any) -> Any:
    return self._dispatch.read(self, index)


def _canonical(ufunc: Any, method: str) -> Any:
    if method == "reduce":
        return _REDUCING.get(ufunc, ufunc)
    return _ACCUMULATING.get(ufunc, ufunc) if method == "accumulate" else ufunc


def _original(value: Any, views: list[tuple[Any, Any]], otherwise: Callable[[Any], Any] | None = None) -> Any:
    """The caller's own array where a function gave back what it was given, else a followed one."""
    if type(value) is not _ndarray:
        return value
    for view, original in views:
        if view is value:
            return original
    return otherwise(value) if otherwise is not None else value
