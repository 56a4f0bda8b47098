"""How long a forward takes by itself, and for how long it may therefore be traced."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from gradcheck.trace.deadline import Deadline

__all__ = ["Clock"]

T = TypeVar("T")

# A traced loop takes up to some hundred times as long as it does without.
_LEAST, _SLOWER = 60.0, 2000.0


class Clock:
    """How long a forward takes by itself.

    Args:
        seconds: what it took, where that is known.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds

    def timed(self, call: Callable[[], T]) -> T:
        """What ``call`` gives, timed."""
        started = time.monotonic()
        result = call()
        self.seconds = time.monotonic() - started
        return result

    def deadline(self) -> Deadline | None:
        """An end to a traced run that begins now; None where it is not known how long it takes otherwise."""
        if self.seconds is None:
            return None
        limit = _LEAST + _SLOWER * self.seconds
        return Deadline(limit, f"still running after {limit:.0f} s; by itself it takes {self.seconds:.1g} s")
