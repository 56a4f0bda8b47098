"""The array class that is followed: an ndarray over the user's memory whose operations are seen.

Views, reads and writes of entries stay NumPy's own code. Whatever leaves for a file, a copy module or another process
is a plain ndarray.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    from gradcheck.watching.arrays.dispatch import Dispatch

__all__ = ["FollowedArray", "followed_class"]


class _LikeNdarray(type):
    """The class of such a class: it is equal to ``np.ndarray``, for code that compares types or looks them up."""

    def __eq__(cls, other: object) -> bool:
        return other is cls or other is np.ndarray

    def __hash__(cls) -> int:
        return hash(np.ndarray)


class FollowedArray(np.ndarray[Any, Any], metaclass=_LikeNdarray):
    """See the module. One subclass a watch, so that its arrays know it without holding anything."""

    __slots__ = ()
    __class__ = property(lambda _: np.ndarray)
    # A method of a plain array (``x.dot(W)``) asks no protocol, but its result is of this class.
    __array_priority__ = 0.5
    _dispatch: Dispatch

    def __array_finalize__(self, obj: Any) -> None:
        if self.base is None and obj is not None:
            self._dispatch.made(self, obj)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return self._dispatch.ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:  # the protocol
        return self._dispatch.function(func, args, kwargs)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.view(np.ndarray).__reduce_ex__(protocol)

    def __reduce__(self) -> Any:
        return self.view(np.ndarray).__reduce__()

    def __copy__(self) -> Any:
        return self.view(np.ndarray).copy()

    def __deepcopy__(self, memo: Any) -> Any:
        return self.view(np.ndarray).__deepcopy__(memo)

    def __repr__(self) -> str:
        return repr(self.view(np.ndarray))

    def __str__(self) -> str:
        return str(self.view(np.ndarray))

    def __format__(self, form: str) -> str:
        return self.view(np.ndarray).__format__(form)


# Methods that ask no protocol, or ask it in pieces, and NumPy's function for each.
_METHODS: dict[str, Any] = {
    "all": np.all, "any": np.any, "argmax": np.argmax, "argmin": np.argmin, "argpartition": np.argpartition,
    "argsort": np.argsort, "choose": np.choose, "clip": np.clip, "compress": np.compress, "conj": np.conj,
    "conjugate": np.conj, "cumprod": np.cumprod, "cumsum": np.cumsum, "diagonal": np.diagonal, "dot": np.dot,
    "max": np.max, "mean": np.mean, "min": np.min, "nonzero": np.nonzero, "prod": np.prod, "repeat": np.repeat,
    "round": np.round, "searchsorted": np.searchsorted, "std": np.std, "sum": np.sum, "take": np.take,
    "trace": np.trace, "var": np.var, "astype": np.astype,
}  # fmt: skip


def _method(name: str, function: Any) -> Any:
    def call(self: FollowedArray, *args: Any, **kwargs: Any) -> Any:
        return self._dispatch.method(name, function, self, args, kwargs)

    call.__name__ = name
    call.__doc__ = getattr(np.ndarray, name).__doc__
    return call


for _name, _function in _METHODS.items():
    setattr(FollowedArray, _name, _method(_name, _function))


def followed_class(dispatch: Dispatch) -> type[FollowedArray]:
    """The class of one watch. It goes by the name of ndarray, for messages that print it."""
    names = {"__slots__": (), "_dispatch": dispatch, "__module__": "numpy", "__doc__": np.ndarray.__doc__}
    return cast("type[FollowedArray]", _LikeNdarray("ndarray", (FollowedArray,), names))
