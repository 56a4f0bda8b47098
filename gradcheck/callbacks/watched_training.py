"""What the callbacks of all trainers have in common: a watch that begins and ends with a training."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self

from gradcheck.caller import calling_place
from gradcheck.errors import GradcheckError
from gradcheck.health.sample import Sample
from gradcheck.report import Report
from gradcheck.watching import watch
from gradcheck.watching.health import Health

__all__ = ["WatchedTraining"]


class WatchedTraining:
    """Watches each training of a trainer from its first step to its end.

    As a context it also ends the watch of a training that a trainer left with an error and told no callback of.

    Args:
        every, on, callback, stream, name: As :func:`gradcheck.watch` has them.
        show: Whether the report is printed when a training ends, by the process with rank 0.

    Raises:
        UnhealthyTraining: inside the training, with ``on="raise"``.
    """

    def __init__(
        self,
        *,
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
        stream: str | os.PathLike[str] | None = None,
        name: str | None = None,
        show: bool = True,
    ) -> None:
        self._options: dict[str, Any] = {"every": every, "on": on, "callback": callback, "stream": stream}
        self._name = name
        self._show = show
        self._place = calling_place()
        self._running: Health | None = None
        self._last: Health | None = None

    @property
    def report(self) -> Report:
        """What was found in the training that runs, or in the last one.

        Raises:
            GradcheckError: there was none yet.
        """
        if self._last is None:
            raise GradcheckError("report: no training has begun yet; give this callback to the trainer and train")
        return self._last.report()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        self._end(error)

    def _begin(self, model: Any, optimizer: Any, *, name: str = "", shows: bool = True) -> None:
        self._end(RuntimeError("the last training was left, and nobody was told"))
        health = watch(model, optimizer, name=self._name or name or None, **self._options)
        health.where = self._place  # where the user wrote the callback, not where the trainer calls it
        self._running = self._last = health.__enter__()
        self._shows = self._show and shows

    def _end(self, error: BaseException | None = None) -> None:
        """End the watch, if there is one; a training that was interrupted by hand ends well."""
        __tracebackhide__ = True
        health, self._running = self._running, None
        if health is None:
            return
        if isinstance(error, KeyboardInterrupt):
            error = None
        health.__exit__(None if error is None else type(error), error, None)
        if error is None and self._shows:
            print(health.report())
