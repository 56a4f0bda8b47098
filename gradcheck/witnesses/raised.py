"""What user code raised, said as the caller's mistake with its file and line; our own faults stay what they are."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gradcheck.errors import GradcheckError
from gradcheck.report import Where

__all__ = ["raising_in", "user_place"]

_OURS = str(Path(__file__).parent.parent) + os.sep
_PYTHON = os.path.dirname(os.__file__) + os.sep
_INSTALLED = os.sep + "site-packages" + os.sep
# called from our lines as well as from the user's: what they raise is the fault of the line that called them
_CALLED_BY_BOTH = _INSTALLED + "numpy" + os.sep


@contextmanager
def raising_in(what: str) -> Iterator[None]:
    """Turn an exception of the user's ``what`` ("forward" or "backward") into a :class:`GradcheckError`.

    One that comes from a line of this package is a fault of ours, and is raised as it is.
    """
    try:
        yield
    except GradcheckError:
        raise
    except Exception as error:
        if _is_our_fault(error):
            raise
        where = user_place(error)
        first = str(error).splitlines()[0] if str(error) else ""
        said = GradcheckError(
            f"{what}: the {what} raised {type(error).__name__}: {first} ({where.file}:{where.line}); "
            "give inputs that it accepts"
        )
        said.in_backward = what in ("backward", "double backward")
        raise said from error


def _is_our_fault(error: BaseException) -> bool:
    files = [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
    own = [file for file in files if _CALLED_BY_BOTH not in file and (_INSTALLED in file or not _is_library(file))]
    return not own or own[-1].startswith(_OURS)


def user_place(error: BaseException) -> Where:
    """Where it was raised: the innermost line that is the user's, else the innermost of a library that is called."""
    frames = list(traceback.extract_tb(error.__traceback__))
    foreign = [f for f in frames if not f.filename.startswith(_OURS)]
    own = [f for f in foreign if not _is_library(f.filename)]
    frame = (own or foreign or frames)[-1]
    return Where(frame.filename, frame.lineno or 0, frame.name, frame.line or "")


def _is_library(file: str) -> bool:
    return file.startswith((_PYTHON, "<frozen ", "<__array")) or _INSTALLED in file
