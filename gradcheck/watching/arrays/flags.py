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
        self._before, self._call = _modes(), np.geterrcall()
        modes: Modes = {name: mode if name == "under" else "log" for name, mode in self._before.items()}
        np.seterr(**modes)
        np.seterrcall(self)
        self._mine = _modes()
        if _STATE is not None:
            with np.errstate(all="log"):
                self._listening = _STATE.get()

    def end(self) -> None:
        """Give NumPy's state back, unless the user has set another one meanwhile."""
        warned.end()
        if np.geterrcall() is self:
            if _modes() == self._mine:
                np.seterr(**self._before)
            else:  # set by the user, but for what is ours
                now = _modes()
                np.seterr(**{k: self._before[k] if mode == "log" else mode for k, mode in now.items()})
            np.seterrcall(self._call)

    def enter(self) -> Any:
        """Be heard whatever the user has set, until :meth:`leave` is called with what this gives."""
        self.inside = True
        if _STATE is not None and self._listening is not None:
            return _STATE.set(self._listening)
        state = np.errstate(all="log", call=self)
        state.__enter__()
        return state

    def leave(self, entered: Any) -> None:
        """The user's state again."""
        self.inside = False
        if isinstance(entered, np.errstate):
            entered.__exit__(None, None, None)
        else:
            _STATE.reset(entered)

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
        if not self.nested and kind != "underflow":
            self._elsewhere(kind, operation)
        self._as_set(text, level + 1, self._before, self._call)

    def pass_on(self, level: int) -> None:
        """Give the user what they would have got for what was heard, ``level`` frames above this call."""
        heard, self.heard = self.heard, []
        modes, call = _modes(), np.geterrcall()
        if call is self:
            modes = {name: self._before[name] if mode == "log" else mode for name, mode in modes.items()}
            call = self._call
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
    return dict(np.geterr())
