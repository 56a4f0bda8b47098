"""An end to runs of the user's code at values of ours: at those a loop may never come to its end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import CodeType, FrameType
from typing import Any

from gradcheck.trace.deadline import TooLongError
from gradcheck.trace.sites import is_users

__all__ = ["TooLongError", "at_most", "once_more"]

# How much longer a forward and its backward may take when they are traced.
_SLOWER = 10.0


def _is_own(code: CodeType) -> bool:
    """Whether code is the user's own and no installed library's: one of these may be loading right now."""
    name = code.co_filename
    return is_users(code) and "site-packages" not in name and "dist-packages" not in name


def _is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being loaded: ended half-way, it stays broken for the rest of the process."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise :class:`TooLongError` in the running code once ``seconds`` have passed; only Python code can be stopped.

    Where a debugger or a coverage tool traces this thread, it is left alone, and nothing is stopped.
    """
    if sys.gettrace() is not None or threading.gettrace() is not None:
        yield
        return
    end = time.monotonic() + seconds

    def trace(frame: FrameType, event: str, argument: Any) -> Any:  # noqa: ARG001  # the interpreter's form
        if not _is_own(frame.f_code):
            return None  # the loops that may never end are the user's
        if time.monotonic() > end and not _is_importing(frame):
            raise TooLongError
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)


def once_more(seconds: float, started: float) -> AbstractContextManager[None]:
    """:func:`at_most` for a traced run of what has come to its end at the same values since ``started``.

    Nothing is watched where that was soon: looked at line by line, a traced loop takes three times as long.
    """
    return nullcontext() if _SLOWER * (time.monotonic() - started) < seconds else at_most(seconds)
