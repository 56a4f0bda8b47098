"""A hypothesis that cannot be worked out is one that does not fit: the search for a cause takes no verdict away."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["attempted", "failures", "worked_out"]

T = TypeVar("T")

failures: deque[str] = deque(maxlen=20)
"""The last tracebacks of what could not be worked out: our mistakes, which the tests look for here."""


def attempted(trials: Callable[..., Iterable[T]], *args: object) -> Iterator[T]:
    """What ``trials`` gives for ``args``, up to the first exception in it."""
    try:
        yield from trials(*args)
    except Exception:  # whatever it is, the gradient that it was to explain is wrong all the same
        failures.append(traceback.format_exc())


def worked_out(make: Callable[[], T], otherwise: T) -> T:
    """What ``make`` gives; ``otherwise`` where it raises."""
    try:
        return make()
    except Exception:  # as above
        failures.append(traceback.format_exc())
        return otherwise
