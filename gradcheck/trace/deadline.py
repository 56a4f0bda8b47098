"""An end to a traced run: a loop that asks for a plain float, say, may never come to its end under the trace."""

from __future__ import annotations

import time

__all__ = ["Deadline", "TooLongError"]


class TooLongError(Exception):
    """The user's code was still running when the time was up."""


class Deadline:
    """The time at which the next operation on a trace raises :class:`TooLongError`, which says ``why``."""

    def __init__(self, seconds: float, why: str) -> None:
        self._end, self._why = time.monotonic() + seconds, why

    def look(self) -> None:
        """Look at the clock.

        Raises:
            TooLongError: the time is up.
        """
        if time.monotonic() > self._end:
            raise TooLongError(self._why)
