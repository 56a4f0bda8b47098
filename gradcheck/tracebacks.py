"""Tracebacks without frames that are not the reader's: what is shown is the line that called a check."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from gradcheck.errors import GradcheckError, GradientMismatch

__all__ = ["from_file", "hide_our_frames"]

_PACKAGE = str(Path(__file__).parent) + os.sep


def hide_our_frames(error: BaseException) -> None:
    """Drop gradcheck's frames from the traceback of an exception, and of those that caused it.

    The frames of the user's code that gradcheck called stay. An exception that gradcheck does not raise on
    purpose but that comes from its own code is a fault of gradcheck, and keeps every frame.
    """
    for link in _chain(error):
        frames = _frames(link.__traceback__)
        meant = isinstance(link, GradcheckError | GradientMismatch)
        if frames and (meant or not _is_ours(frames[-1])):
            link.__traceback__ = _joined(_without_ours(frames)) or link.__traceback__


def from_file(traceback: TracebackType | None, path: str) -> TracebackType | None:
    """Start at the first frame that runs code of the file ``path``; None when there is no such frame."""
    frames = _frames(traceback)
    for i, entry in enumerate(frames):
        if entry.tb_frame.f_code.co_filename == path:
            return _joined(frames[i:])
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _is_ours(entry: TracebackType) -> bool:
    return entry.tb_frame.f_code.co_filename.startswith(_PACKAGE)


def _without_ours(frames: list[TracebackType]) -> list[TracebackType]:
    kept = []
    ours = False
    for entry in frames:
        # The end of a "with" in our code passes through the standard library.
        ours = _is_ours(entry) or (ours and entry.tb_frame.f_code.co_filename == contextlib.__file__)
        if not ours:
            kept.append(entry)
    return kept


def _frames(traceback: TracebackType | None) -> list[TracebackType]:
    frames = []
    while traceback is not None:
        frames.append(traceback)
        traceback = traceback.tb_next
    return frames


def _joined(frames: list[TracebackType]) -> TracebackType | None:
    joined: TracebackType | None = None
    for entry in reversed(frames):
        joined = TracebackType(joined, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return joined
