"""An end to runs of the user's code at values of ours: at those a loop may never come to its end."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from gradcheck.trace.sites import is_users

__all__ = ["TooLongError", "at_most"]


class TooLongError(Exception):
    """The user's code was still running when the time was up."""


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
        if not is_users(frame.f_code):
            return None  # the loops that may never end are the user's
        if time.monotonic() > end:
            raise TooLongError
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(None)
