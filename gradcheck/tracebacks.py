"""Tracebacks without frames that are not the reader's: what is shown is the line that called a check."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType

__all__ = ["from_file", "without_inner_frames"]

_PACKAGE = str(Path(__file__).parent) + os.sep


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


def without_inner_frames(traceback: TracebackType | None) -> TracebackType | None:
    """Drop gradcheck's own frames at the inner end; frames of the user's code called by gradcheck keep theirs."""
    frames = _frames(traceback)
    kept = len(frames)
    while kept and frames[kept - 1].tb_frame.f_code.co_filename.startswith(_PACKAGE):
        kept -= 1
    # Nothing but our frames: the fault is ours, and every frame is needed to find it.
    return _joined(frames[:kept]) if kept else traceback


def from_file(traceback: TracebackType | None, path: str) -> TracebackType | None:
    """Start at the first frame that runs code of the file ``path``; None when there is no such frame."""
    frames = _frames(traceback)
    for i, entry in enumerate(frames):
        if entry.tb_frame.f_code.co_filename == path:
            return _joined(frames[i:])
    return None
