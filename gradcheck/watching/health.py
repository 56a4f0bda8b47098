"""The object that a watch gives: a context in which a training runs, and the report on it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

from gradcheck.caller import calling_place, versions
from gradcheck.errors import UnhealthyTraining
from gradcheck.health.linked import linked
from gradcheck.health.monitor import Monitor
from gradcheck.health.sample import Birth, Sample
from gradcheck.outcome import failed_checks, finish
from gradcheck.report import Finding, Report
from gradcheck.watching.sampling import Schedule

__all__ = ["Health"]

T = TypeVar("T")
_TOGETHER = 5  # samples of as many steps, more or less, that the rules see at once


class Health(ABC):
    """A training under watch. Enter it as a context, train, leave it; ask for the :meth:`report` at any time.

    Everything that was changed to be able to watch is put back when the context is left, also by an error.
    """

    style = ""

    def __init__(
        self,
        subject: str,
        *,
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
    ) -> None:
        self.subject = subject
        self.monitor = Monitor(callback, together=_TOGETHER if every is not None and every < _TOGETHER else 1)
        self.where = calling_place()
        self._callback = callback
        self.schedule = Schedule(every)
        self._on = on
        self._started = time.perf_counter()
        self._raised = False
        self._running = False
        self._finished = False

    @abstractmethod
    def start(self) -> None:
        """Begin to watch."""

    @abstractmethod
    def stop(self) -> None:
        """Put everything back. Called once for each start, also after an error."""

    @abstractmethod
    def dtypes(self) -> str:
        """The floating-point types of the parameters, as the report shows them."""

    def step(self, loss: object = None, *, outputs: object = None, labels: object = None) -> None:
        """Mark the end of a training step.

        Args:
            loss: The step's loss: a number, an array or tensor with one entry.
            outputs: The network's outputs for the batch (batch × classes), where they cannot be recognised.
            labels: The right classes (whole numbers, or one-hot rows).
        """
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._tell("watch_begins")
        self.start()
        self._running = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        try:
            self.stop()
        finally:
            self._tell("watch_ends")
            self._running = False
        if error is None:  # else the error is what is to be seen
            self._finished = True
            finish(self._report())

    def _tell(self, event: str) -> None:
        """Call that method of the callback with this watch, where it has one."""
        method = getattr(self._callback, event, None)
        if method is not None:
            method(self)

    def measured(self, measure: Callable[..., T], *args: Any, **keywords: Any) -> T | None:
        """What ``measure`` gives. An error in it ends the measuring, and not the user's training: None from then on."""
        if self.monitor.blind:
            return None
        try:
            return measure(*args, **keywords)
        except Exception as error:  # whatever it is, it is ours
            self.monitor.failed(error)
            return None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found until now."""
        return self.monitor.findings()

    def observe(self, sample: Sample) -> None:
        """Pass a sample on, and stop the training if that was asked for and it shows an error."""
        __tracebackhide__ = True
        self.monitor.observe(sample)
        self._raise_on_error()

    def born(self, birth: Birth) -> None:
        """Pass a birth on, and stop the training if that was asked for."""
        __tracebackhide__ = True
        self.monitor.birth(birth)
        self._raise_on_error()

    def report(self, raises: bool | None = None) -> Report:
        """What was found, until now.

        A watch that is left without an error ends like any check: under pytest's plugin and inside
        ``with gradcheck.raising():`` it raises when something is an error.

        Args:
            raises: Raise :class:`UnhealthyTraining` when something is an error, here and now.

        Raises:
            UnhealthyTraining: see ``raises``.
        """
        __tracebackhide__ = True
        report = self._report()
        if self._running or self._finished:
            return report.raise_if_failed() if raises else report
        self._finished = True
        return finish(report, raises)

    def _report(self) -> Report:
        findings = self.monitor.findings()
        watched = self.monitor.watched(findings)
        return Report(
            subject=self.subject,
            kind="watch",
            style=self.style,
            dtype=self.dtypes(),
            seed=0,
            gradients=(),
            findings=linked(findings, watched, self.subject, failed_checks()),
            watched=watched,
            where=self.where,
            versions=versions(),
            seconds=time.perf_counter() - self._started,
        )

    def _raise_on_error(self) -> None:
        __tracebackhide__ = True
        if self._on != "raise" or self._raised:
            return
        if any(finding.severity == "error" for finding in self.monitor.findings()):
            self._raised = True  # once: the user may catch it and go on
            raise UnhealthyTraining(self._report())
