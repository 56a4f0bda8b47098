"""What the processor says of an operation: NumPy's floating-point errors, heard without being changed for the user."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy._core import umath

from gradcheck.watching import warned
from gradcheck.watching.arrays import asked

__all__ = ["Flags"]

Modes = dict[str, Any]  # NumPy names them and their values

_OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
# np.errstate takes a microsecond when the processor's caches are warm and ten after a matrix product; this does not.
_STATE: Any = getattr(umath, "_extobj_contextvar", None)
_KINDS = {"divide by zero": "divide", "overflow": "over", "underflow": "under", "invalid value": "invalid"}
_CODES = {"divide": 1, "over": 2, "under": 4, "invalid": 8}


class Flags:
    """Two ears. For a followed operation, ``heard`` collects what it raised; for any other, ``elsewhere`` is called.

    What the user would have got (a warning at the same line, an exception, a call, nothing) they still get.
    NumPy's "log" mode is the only one that tells which operation raised the error.
    """

    is_listening_for_a_watch = True

    def __init__(self, elsewhere: Callable[[str, str], None]) -> None:
        self.heard: list[str] = []
        self.inside = False  # a followed operation runs in the state that `listening` gives
        self.nested = False  # a followed operation runs in the user's own state
        self._elsewhere = elsewhere
        self._before: Modes = {}
        self._call: Any = None
        self._mine: Modes = {}
        self._listening: Any = None  # NumPy's own object for the state

    def begin(self) -> None:
        """Hear what no followed array takes part in, wherever the user has no state of their own."""
        warned.begin()
        asked.begin()
        self._before, self._call = _modes(), asked.geterrcall()
        modes: Modes = {name: mode if name == "under" else "log" for name, mode in self._before.items()}
        asked.seterr(**modes)
        np.seterrcall(self)
        self._mine = _modes()
        if _STATE is not None:
            with np.errstate(all="log"):
                self._listening = _STATE.get()

    def end(self) -> None:
        """Give NumPy's state back, unless the user has set another one meanwhile."""
        warned.end()
        if asked.geterrcall() is self:
            if _modes() == self._mine:
                asked.seterr(**self._before)
            else:  # set by the user, but for what is ours
                now = _modes()
                asked.seterr(**{k: self._before[k] if mode == "log" else mode for k, mode in now.items()})
            np.seterrcall(self._call)
        asked.end()

    def users(self, modes: Modes) -> Modes:
        """What the user would be told of a state with these modes."""
        own = {name: self._before[name] if mode == "log" else mode for name, mode in modes.items()}
        return self._call.users(own) if isinstance(self._call, Flags) else own

    def heard_as(self, name: str, mode: Any) -> Any:
        """The mode to set where the user sets one: what they had before is heard again."""
        return self._mine[name] if mode == self.users(self._mine)[name] else mode

    def users_call(self) -> Any:
        """What the user has given to np.seterrcall."""
        return self._call.users_call() if isinstance(self._call, Flags) else self._call

    def heard_in(self, call: Any, args: list[Any], kwargs: dict[str, Any]) -> Any:
        """The result of the call. What NumPy reports in it stands in ``heard``, whatever the user has set."""
        self.inside = True
        try:
            if _STATE is None or self._listening is None:
                with np.errstate(all="log", call=self):
                    return call(*args, **kwargs)
            token = _STATE.set(self._listening)
            try:
                return call(*args, **kwargs)
            finally:
                _STATE.reset(token)
        except BaseException:
            self.heard.clear()
            raise
        finally:
            self.inside = False

    def write(self, message: str) -> None:
        """Called by NumPy, with "Warning: overflow encountered in exp"."""
        text = message.removeprefix("Warning: ").strip()
        if self.inside:
            self.heard.append(text)
            return
        frame, level = sys._getframe(1), 2
        own = frame.f_code.co_filename.startswith(_OWN)
        if own and not self.nested:
            return  # our own arithmetic
        while frame.f_back is not None and frame.f_code.co_filename.startswith(_OWN):
            frame, level = frame.f_back, level + 1
        kind, _, operation = text.partition(" encountered in ")
        ear: Any = self
        while not self.nested and kind != "underflow" and isinstance(ear, Flags):  # and those of watches further out
            ear._elsewhere(kind, operation)
            ear = ear._call
        self._as_set(text, level + 1, self.users(self._mine), self.users_call())

    def pass_on(self, level: int) -> None:
        """Give the user what they would have got for what was heard, ``level`` frames above this call."""
        heard, self.heard = self.heard, []
        modes, call = _modes(), asked.geterrcall()
        if isinstance(call, Flags):  # this watch's or another's
            modes, call = call.users(modes), call.users_call()
        for text in heard:
            self._as_set(text, level + 2, modes, call)

    @staticmethod
    def _as_set(text: str, level: int, modes: Modes, call: Any) -> None:
        kind = _KINDS.get(text.partition(" encountered in ")[0], "invalid")
        mode = modes.get(kind, "ignore")
        if mode == "warn":
            warnings.warn(text, RuntimeWarning, stacklevel=level)
        elif mode == "raise":
            raise FloatingPointError(text)
        elif mode == "print":
            print(f"Warning: {text}", file=sys.stderr)
        elif mode == "log" and call is not None:
            call.write(f"Warning: {text}\n")
        elif mode == "call" and call is not None:
            call(text.partition(" encountered in ")[0], _CODES[kind])


def _modes() -> Modes:
    return dict(asked.geterr())
