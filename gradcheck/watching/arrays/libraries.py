"""Functions whose results no array protocol brings to a watch, heard while one runs.

``np.zeros`` has no array to ask: what a loop fills (``out[i, j] = ...``) would be unknown. And SciPy's ``softmax``
begins with ``np.asarray``. Both are put back when the last watch has ended.
"""

from __future__ import annotations

import functools
import sys
import threading
import types
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from gradcheck.trace.sites import is_users
from gradcheck.watching.arrays.functions import stand_in

__all__ = ["Hearing", "create", "follow"]

_CREATING = ("zeros", "empty", "ones", "full")
_SCIPY = ("softmax", "log_softmax", "logsumexp")


class Hearing(Protocol):
    """A watch's operations."""

    cls: type

    def followed(self, value: Any) -> Any:
        """The array, followed."""

    def function(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The call, made and looked at."""


_lock = threading.Lock()
_creating: list[Hearing] = []
_following: list[Hearing] = []
_own: dict[str, Callable[..., Any]] = {}
_codes: list[tuple[types.FunctionType, types.CodeType]] = []


def create(dispatch: Hearing, wanted: bool) -> None:
    """Follow the arrays that the user's code creates from now on, or no more: on sampled steps, for its price."""
    with _lock:
        if wanted == (dispatch in _creating):
            return
        (_creating.append if wanted else _creating.remove)(dispatch)
        if wanted and not _own:
            for name in _CREATING:
                _own[name] = getattr(np, name)
                setattr(np, name, _created(_own[name]))
        elif not _creating:
            for name, own in _own.items():
                setattr(np, name, own)
            _own.clear()


def follow(dispatch: Hearing, wanted: bool) -> None:
    """Hear of SciPy's functions from now on, or no more. Nothing is imported for it."""
    special = sys.modules.get("scipy.special")
    with _lock:
        if wanted == (dispatch in _following):
            return
        (_following.append if wanted else _following.remove)(dispatch)
        if wanted and not _codes and special is not None:
            for name in _SCIPY:
                function = getattr(special, name, None)
                if isinstance(function, types.FunctionType):
                    _codes.append((function, function.__code__))
                    stand_in(function, _asked)
        elif not _following:
            while _codes:
                function, code = _codes.pop()
                function.__code__ = code


def _created(own: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(own)
    def made(*args: Any, **kwargs: Any) -> Any:
        array = own(*args, **kwargs)
        if _creating and is_users(sys._getframe(1).f_code):
            return _creating[-1].followed(array)
        return array

    return made


def _asked(own: types.FunctionType, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    for dispatch in _following:
        if any(type(value) is dispatch.cls for value in (*args, *kwargs.values())):
            return dispatch.function(own, args, kwargs)
    return own(*args, **kwargs)
