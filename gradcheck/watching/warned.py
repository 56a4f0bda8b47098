"""Warnings that a library gives while a training is watched go to the user's line, as without the watch.

``F.mse_loss`` warns of its caller with ``stacklevel=2``. Under watch its caller is the code that passes calls on.
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import warnings
from types import FrameType
from typing import Any

__all__ = ["begin", "end"]

_HOUSE = os.path.dirname(os.path.abspath(__file__)) + os.sep
_PASSING = os.path.join("torch", "overrides.py")  # between a function of PyTorch's and what stands in for it

_lock = threading.Lock()
_watches = 0
_own = warnings.warn


@functools.wraps(warnings.warn)
def _warn(message: Any, category: Any = None, stacklevel: int = 1, source: Any = None, **more: Any) -> None:
    _own(message, category, 1 + _level(stacklevel), source, **more)


def begin() -> None:
    """Mind the lines of warnings from now on. Warnings that are made in C are not seen here."""
    global _watches, _own
    with _lock:
        _watches += 1
        if _watches == 1:
            _own, warnings.warn = warnings.warn, _warn


def end() -> None:
    """The last to end puts Python's own function back, unless somebody has put another there."""
    global _watches
    with _lock:
        _watches -= 1
        if _watches == 0 and warnings.warn is _warn:
            warnings.warn = _own


def _level(level: int) -> int:
    """The level at which the caller is who would be the caller without us."""
    if not isinstance(level, int) or level < 2:
        return level
    inner = _frame(level)  # counted from the caller of warnings.warn
    frame = None if inner is None else inner.f_back
    if inner is None or frame is None or not _is_ours(frame):
        return level
    again = inner.f_code
    while frame is not None and (_is_ours(frame) or frame.f_code.co_filename.endswith(_PASSING)):
        frame, level = frame.f_back, level + 1
    if frame is not None and frame.f_code is again:  # the function that was called first, and asked who stands in
        level += 1
    return level


def _frame(level: int) -> FrameType | None:
    try:
        return sys._getframe(level + 1)  # above are _frame, _level and _warn
    except ValueError:
        return None


def _is_ours(frame: FrameType) -> bool:
    return frame.f_code.co_filename.startswith(_HOUSE)
