"""A line on the terminal while something takes long; nothing where nobody looks."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["told_while_waiting"]

_PATIENCE = 1.0  # seconds


@contextmanager
def told_while_waiting(message: Callable[[], str], patience: float = _PATIENCE) -> Iterator[None]:
    """Show ``message()`` on standard error once ``patience`` seconds have passed, anew every second, then erase it.

    Only on a terminal: a log, a pipe, a notebook and pytest (which captures standard error) stay as they are.
    """
    stream = sys.stderr
    if stream is None or not stream.isatty():
        yield
        return
    done = threading.Event()
    shown = [0]

    def tell() -> None:
        while not done.wait(patience):
            text = message()
            stream.write("\r" + text.ljust(shown[0]))
            stream.flush()
            shown[0] = len(text)

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()
        if shown[0]:
            stream.write("\r" + " " * shown[0] + "\r")
            stream.flush()
