"""What happens at the end of a check: it is told to whoever collects reports, and it raises where that was asked for.

The only state is a context variable. It is empty in a new thread, lost in a spawned process and copied
into a forked one, so that it always says the truth about *this* caller; what happens where it is silent
is the matter of :mod:`gradcheck.outcome.spool`.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from gradcheck.errors import GradcheckError, GradientMismatch, failure
from gradcheck.outcome import spool
from gradcheck.outcome.defaults import default_dtype, default_seed, defaults
from gradcheck.outcome.failed import failed_checks, remember
from gradcheck.outcome.keywords import refuse_unknown
from gradcheck.tracebacks import hide_our_frames

if TYPE_CHECKING:
    from gradcheck.report import Report

__all__ = [
    "collecting",
    "default_dtype",
    "default_seed",
    "defaults",
    "failed_checks",
    "finish",
    "home",
    "raising",
    "shown_at_caller",
]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class _Home:
    """Somebody who is told of the checks made in this context, as long as it is the same process (and thread)."""

    pid: int
    thread: int | None
    raises: bool
    tell: Callable[[Report], object] | None
    owns_spool: bool

    def is_here(self) -> bool:
        return self.pid == os.getpid() and self.thread in (None, threading.get_ident())


_homes: ContextVar[tuple[_Home, ...]] = ContextVar("gradcheck_homes", default=())


def finish(report: Report, raises: bool | None = None) -> Report:
    """End a check: collect its report; raise or return it.

    ``raises=None`` raises under pytest and inside :func:`raising`, and returns the report elsewhere.

    Raises:
        GradientMismatch: the report is not ok, and raising was asked for.
    """
    __tracebackhide__ = True
    remember(report)
    homes = _homes.get()
    here = [home for home in homes if home.is_here()]
    for home in here:
        if home.tell is not None:
            home.tell(report)
    raise_now = any(home.raises for home in here) if raises is None else raises
    fails = not report.ok
    if not any(home.owns_spool for home in here):
        forked = any(home.pid != os.getpid() for home in homes)
        report = spool.deposit(report, watched=fails and raises is not False, raised=fails and raise_now, forked=forked)
    if fails and raise_now:
        raise spool.remembered(failure(report))
    return report


def shown_at_caller(check: Callable[P, T]) -> Callable[P, T]:
    """Let what a public function raises on purpose be shown at the line that called it, without frames of ours.

    pytest's plugin and ``gradcheck run`` do so themselves, and show every frame where they are asked to.
    """

    @functools.wraps(check)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        __tracebackhide__ = True
        try:
            refuse_unknown(check, kwargs)
            return check(*args, **kwargs)
        except (GradcheckError, GradientMismatch) as error:
            if not any(home.owns_spool and home.is_here() for home in _homes.get()):
                error.__traceback__ = None
                hide_our_frames(error)  # of those that caused it
            raise  # a bare one: it does not add this frame

    return called


@contextmanager
def home(
    *,
    raises: bool = False,
    tell: Callable[[Report], object] | None = None,
    own_thread: bool = False,
    owns_spool: bool = False,
) -> Iterator[None]:
    """Within this context, pass every finished report to ``tell``, and raise when it failed if ``raises``.

    ``own_thread`` leaves out other threads that were started with a copy of this context: there nobody
    would see the exception. ``owns_spool`` says that reports from here need not be sent to the spool; such
    a home takes the place of all outer ones (a script that a test runs does not raise as the test does).
    """
    outer = () if owns_spool else _homes.get()
    thread = threading.get_ident() if own_thread else None
    token = _homes.set((*outer, _Home(os.getpid(), thread, raises, tell, owns_spool)))
    try:
        yield
    finally:
        _homes.reset(token)


@contextmanager
def raising() -> Iterator[None]:
    """Inside this context a failing check raises :class:`GradientMismatch`, as it does under pytest.

    Raises:
        GradientMismatch: inside, when a check has failed that was not given ``raises=False``.

    Example:
        >>> import gradcheck, numpy as np
        >>> try:
        ...     with gradcheck.raising():
        ...         gradcheck.compare(np.array([2.0, 6.0]), np.array([1.0, 3.0]))
        ... except gradcheck.GradientMismatch as error:
        ...     error.report.ok
        False
    """
    with home(raises=True):
        yield


@contextmanager
def collecting() -> Iterator[list[Report]]:
    """Give a list to which every report finished in this context is appended."""
    reports: list[Report] = []
    with home(tell=reports.append):
        yield reports
