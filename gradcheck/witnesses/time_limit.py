"""An end to traced runs: a loop that asks for a plain float, say, may never come to its end under the trace."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeVar

from gradcheck.trace import Trace
from gradcheck.witnesses.patience import TooLongError

__all__ = ["Clock", "ended_after"]

T = TypeVar("T")

# A traced loop takes up to some hundred times as long as it does without.
_LEAST, _SLOWER = 60.0, 2000.0
_NAP = 1.0  # seconds between two looks at the clock
_running: dict[int, tuple[float, Callable[[], None]]] = {}
_numbers = itertools.count()
_lock = threading.Lock()
_watcher: threading.Thread | None = None


class Clock:
    """How long a forward takes by itself, and for how long it may be traced.

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

    def limit(self, trace: Trace) -> AbstractContextManager[None]:
        """An end to a run on ``trace``; none where it is not known how long it takes otherwise."""
        if self.seconds is None:
            return nullcontext()
        limit = _LEAST + _SLOWER * self.seconds
        return ended_after(limit, trace, f"still running after {limit:.0f} s; by itself it takes {self.seconds:.1g} s")


@contextmanager
def ended_after(seconds: float, trace: Trace, why: str) -> Iterator[None]:
    """Let the next operation on ``trace`` raise :class:`TooLongError`, which says ``why``, after so many seconds.

    To look at the clock in each operation, or at each line, would cost more than the operation. So a thread looks at it
    once a second while anything is traced, and when the time is up it puts a function that raises in the place of what
    every operation calls. A loop that no longer asks the trace for anything is not stopped.
    """
    number = next(_numbers)
    _running[number] = time.monotonic() + seconds, lambda: _stop(trace, why)
    _watch()
    try:
        yield
    finally:
        del _running[number]


def _stop(trace: Trace, why: str) -> None:
    def stopped(*args: object, **kwargs: object) -> None:  # noqa: ARG001  # whatever the operation gives
        raise TooLongError(why)

    for name in ("wrap", "carried", "accept", "branch"):
        setattr(trace, name, stopped)


def _watch() -> None:
    global _watcher
    if _watcher is not None and _watcher.is_alive():  # in a forked child it is not
        return
    with _lock:
        if _watcher is None or not _watcher.is_alive():
            _watcher = threading.Thread(target=_naps, name="gradcheck time limit", daemon=True)
            _watcher.start()


def _naps() -> None:
    global _watcher
    while True:
        time.sleep(_NAP)
        with _lock:
            if not _running:
                _watcher = None
                return
        now = time.monotonic()
        for number, (end, stop) in list(_running.items()):
            if now > end and number in _running:
                stop()
