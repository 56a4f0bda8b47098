"""An end to what is done to know more exactly: a loss written as a loop takes a second where another takes none."""

from __future__ import annotations

import time

__all__ = ["Patience"]


class Patience:
    """``is_left`` until so many seconds have passed since it was made."""

    def __init__(self, seconds: float) -> None:
        self.end = time.monotonic() + seconds

    @property
    def is_left(self) -> bool:
        """Whether there is time for more."""
        return time.monotonic() < self.end
