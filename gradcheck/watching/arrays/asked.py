"""What NumPy says of its floating-point state while it is watched: what the user has set, not what the watch has.

``np.geterr``, ``np.geterrcall`` and ``np.seterr`` are replaced while any watch runs. ``np.errstate`` asks none of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Protocol, cast

import numpy as np

__all__ = ["Listening", "begin", "end", "geterr", "geterrcall", "seterr"]

geterr: Callable[[], Any] = np.geterr
geterrcall: Callable[[], Any] = np.geterrcall
seterr: Callable[..., Any] = np.seterr

_lock = threading.Lock()
_watches = 0


class Listening(Protocol):
    """Stands in NumPy's state for what the user had there."""

    is_listening_for_a_watch: bool

    def users(self, modes: Mapping[str, Any]) -> dict[str, Any]:
        """The user's modes, where the state has these."""

    def heard_as(self, name: str, mode: Any) -> Any:
        """The mode to set where the user sets one."""

    def users_call(self) -> Any:
        """The user's own object or function."""


def begin() -> None:
    """Answer for NumPy from now on."""
    global _watches
    with _lock:
        _watches += 1
        if _watches == 1:
            _put(_geterr, _geterrcall, _seterr)


def end() -> None:
    """The last to end puts NumPy's own functions back."""
    global _watches
    with _lock:
        _watches -= 1
        if _watches == 0 and np.geterr is _geterr:
            _put(geterr, geterrcall, seterr)


def _put(*functions: Any) -> None:
    np.geterr, np.geterrcall, np.seterr = functions


def _listening() -> Listening | None:
    call = geterrcall()
    return cast(Listening, call) if getattr(call, "is_listening_for_a_watch", False) else None


def _geterr() -> Any:
    listening = _listening()
    return geterr() if listening is None else listening.users(geterr())


def _geterrcall() -> Any:
    listening = _listening()
    return geterrcall() if listening is None else listening.users_call()


def _seterr(
    all: Any = None,
    divide: Any = None,
    over: Any = None,
    under: Any = None,
    invalid: Any = None,
) -> Any:
    before = _geterr()
    given = {"divide": divide, "over": over, "under": under, "invalid": invalid}
    modes = {name: all if mode is None else mode for name, mode in given.items()}
    listening = _listening()
    if listening is not None:
        modes = {name: None if mode is None else listening.heard_as(name, mode) for name, mode in modes.items()}
    seterr(**modes)
    return before


for _mine, _own in ((_geterr, np.geterr), (_geterrcall, np.geterrcall), (_seterr, np.seterr)):
    _mine.__name__, _mine.__doc__ = _own.__name__, _own.__doc__
