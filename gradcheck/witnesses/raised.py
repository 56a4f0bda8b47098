"""What user code raised, said as the caller's mistake with its file and line."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from gradcheck.errors import GradcheckError
from gradcheck.report import Where

__all__ = ["raising_in", "user_place"]


@contextmanager
def raising_in(what: str) -> Iterator[None]:
    """Turn an exception of the user's ``what`` ("forward" or "backward") into a :class:`GradcheckError`."""
    try:
        yield
    except GradcheckError:
        raise
    except Exception as error:
        where = user_place(error)
        first = str(error).splitlines()[0] if str(error) else ""
        raise GradcheckError(
            f"{what}: the {what} raised {type(error).__name__}: {first} ({where.file}:{where.line}); "
            "give inputs that it accepts"
        ) from error


def user_place(error: BaseException) -> Where:
    """Where it was raised: the innermost frame outside of this package."""
    frames = list(traceback.extract_tb(error.__traceback__))
    own = [f for f in frames if "gradcheck" not in f.filename.replace("\\", "/").split("/")[-3:]]
    frame = (own or frames)[-1]
    return Where(frame.filename, frame.lineno or 0, frame.name, frame.line or "")
