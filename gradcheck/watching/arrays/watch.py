"""A training of a NumPy network under watch."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterable, Sequence
from types import CodeType, TracebackType
from typing import Any, Literal

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import Sample
from gradcheck.watching.arrays.events import Event
from gradcheck.watching.arrays.exact_type import asked_for_exact_type, codes_of, codes_raised_in
from gradcheck.watching.arrays.follow import Follower
from gradcheck.watching.arrays.output import Output, given_output
from gradcheck.watching.arrays.rates import rates_of
from gradcheck.watching.arrays.samples import Recorder
from gradcheck.watching.arrays.steps import Beginnings
from gradcheck.watching.health import Health
from gradcheck.watching.marks import loss_number

__all__ = ["NumpyHealth"]

_UNMARKED = (
    "no call of health.step() marked where a step ends: a step is taken to end where the forward begins again with "
    "other weights; the loss was not seen"
)
_NO_STEP = "no step was seen: call health.step(loss=...) at the end of each training step, inside the watch"
_FULL = "steps of more than 20,000 NumPy operations: what comes after those was not looked at"
_NO_PARAMETER = "no array that the steps change was seen in use: neither layers nor updates could be told"


class NumpyHealth(Health):
    """Watches a network that is made of NumPy arrays: an object, a list or dict of arrays, functions, or several.

    While it runs its arrays are of a class of their own, a subclass of ``np.ndarray`` over the same memory:
    ``isinstance(W, np.ndarray)``, ``type(W) == np.ndarray`` and ``W.__class__ is np.ndarray`` are true as ever,
    ``type(W) is np.ndarray`` is not, and the report says so where the code asks it.

    Args:
        roots: The network and what else holds arrays of it (an optimizer); functions are followed through their
            globals, closures and arguments.
        subject: What the report calls it; by default its class or function.

    Raises:
        GradcheckError: nothing is given to watch.
    """

    style = "NumPy"

    def __init__(
        self,
        *roots: object,
        subject: str = "",
        every: int | None = None,
        on: Literal["report", "raise"] = "report",
        callback: Callable[[Sample], object] | None = None,
    ) -> None:
        if not roots:
            raise GradcheckError("watch needs what it is to watch: a network object, or its forward and backward")
        self._roots = tuple(part for given in roots for part in _parts(given))
        super().__init__(subject or _name_of(self._roots), every=every, on=on, callback=callback)
        self._follower = Follower(self.born, self.monitor.unseen)
        self._known: dict[str, None] = {}
        self._recorder: Recorder | None = None
        self._frozen: Sample | None = None  # a step that seems to have ended
        self._beginnings: Beginnings | None = Beginnings(self._held)
        self._unmarked = False
        self._output: Output | None = None
        self._step = 0
        self._dtypes: dict[str, None] = {}

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        __tracebackhide__ = True
        if error is not None:  # it may be why the error was raised
            for remark in self._asked_for_exact_type(codes_raised_in(traceback)):
                error.add_note(f"gradcheck: {remark}")
                self.monitor.unseen(remark)
        super().__exit__(kind, error, traceback)

    def _asked_for_exact_type(self, codes: Iterable[CodeType]) -> list[str]:
        """Of the code under watch; what holds the loop may ask after the watch."""
        own = (self.where.file, self.where.function) if self.where else None
        asking = {code for code in codes if (code.co_filename, code.co_name) != own}
        return [remark for remark in map(asked_for_exact_type, asking) if remark]

    def start(self) -> None:
        """Begin to follow the arrays; the first step is sampled."""
        self._follower.follow(*self._roots)
        self._arm()

    def stop(self) -> None:
        """Make all arrays plain again. A step that nobody has marked and that moved a parameter still counts."""
        self._follower.listener = None
        try:
            if self._beginnings is not None:
                self._last_unmarked_step()
        finally:
            if self._recorder is not None:
                self._recorder.graph.clear()
            self._recorder = self._frozen = None
            self._follower.release()
        if self.monitor.sampled and not self._known:
            self.monitor.unseen(_NO_PARAMETER)
        if not self._step:
            self.monitor.unseen(_NO_STEP)

    def dtypes(self) -> str:
        """The floating-point types of the parameters."""
        return ", ".join(self._dtypes)

    def step(self, loss: object = None, *, outputs: object = None, labels: object = None) -> None:
        """Mark the end of a training step; see :meth:`Health.step`."""
        __tracebackhide__ = True
        self._follower.listener = None
        self._beginnings = None
        value = loss_number(self._follower.plain(loss))
        sample = None
        if self._frozen is not None:
            sample = self._frozen
            sample.loss = value
            if self._output is not None:
                sample.output = self._output.sample(value)
        elif self._recorder is not None:
            sample = self.measured(self._sample, value)
        if sample is not None and (outputs is not None or labels is not None):
            plain = self._follower.plain
            sample.output = given_output(plain(outputs), plain(labels), self._output, value)
        self._end(sample, value, value)

    # -- one step after the other ----------------------------------------------------------------------------

    def _arm(self) -> None:
        sampled = self.schedule.samples(self._step) and not self.monitor.blind
        self._recorder = self._recording() if sampled else None
        if self._beginnings is None:
            self._follower.listener = self._take if sampled else None
        else:
            self._beginnings.stand()
            self._follower.listener = self._hear

    def _hear(self, event: Event) -> None:
        """Until a step has been marked: look for the beginnings of steps."""
        if self._beginnings is not None and self.measured(self._beginnings.begins, event):
            if self._step == 0 and self._frozen is None and not self._unmarked:
                # it may be an evaluation after the update, before the call that marks the step
                self._frozen = self.measured(self._sample, None)
                self._recorder = self._recording()
                self._beginnings.stand()
            else:
                self._unmarked = True
                self.monitor.unseen(_UNMARKED)
                self._follower.listener = None
                if self._frozen is not None:
                    self._pass_on(self._frozen)
                    self._frozen = None
                    self._step += 1
                self._end(self.measured(self._sample, None) if self._recorder is not None else None, None, None)
        self._take(event)

    def _recording(self) -> Recorder | None:
        return self.measured(Recorder, self._held(), self._known, self.monitor.wanted)

    def _take(self, event: Event) -> None:
        if self._recorder is not None:
            self.measured(self._recorder, event)

    def _sample(self, loss: float | None) -> Sample:
        assert self._recorder is not None
        now = self._held()
        sample = self._recorder.sample(self._step, now, first=self._step == 0, loss=loss)
        self._output = self._recorder.output
        sample.rates = rates_of(self._roots)
        self._follower.parameters = tuple(self._known)
        self._dtypes.update(dict.fromkeys(str(now[path].dtype) for path in self._known if path in now))
        if self._recorder.graph.full:
            self.monitor.unseen(_FULL)
        for remark in self._asked_for_exact_type(codes_of(self._recorder.graph.nodes)):
            self.monitor.unseen(remark)
        self._recorder.graph.clear()
        return sample

    def _held(self) -> dict[str, np.ndarray[Any, Any]]:
        """The arrays that the network holds now: a step may have put others, or lists of others, in their place."""
        self._follower.follow()
        return self._follower.arrays()

    def _pass_on(self, sample: Sample) -> None:
        self._follower.step_ended(sample.step)
        self.monitor.step(sample.step, sample.loss)
        self.observe(sample)

    def _end(self, sample: Sample | None, value: float | None, loss: object) -> None:
        step, self._step = self._step, self._step + 1
        self._recorder = self._frozen = None
        self._follower.step_ended(step, loss)
        self.monitor.step(step, value)
        if value is not None:
            self.schedule.saw("loss", value)
        try:
            if sample is not None:
                self.observe(sample)
        finally:
            self._arm()

    def _last_unmarked_step(self) -> None:
        if self._frozen is not None:
            self._pass_on(self._frozen)
            self._step += 1
            self.monitor.unseen(_UNMARKED)
        if self._recorder is not None:
            sample = self.measured(self._sample, None)
            if sample is not None and any(
                parameter.update is not None and parameter.update.norm > 0 for parameter in sample.parameters
            ):
                self._pass_on(sample)
                self.monitor.unseen(_UNMARKED)


def _parts(given: object) -> Sequence[object]:
    """``watch((forward, backward))`` is ``watch(forward, backward)``."""
    functions = (types.FunctionType, types.MethodType, functools.partial)
    return given if isinstance(given, tuple) and all(isinstance(part, functions) for part in given) else (given,)


def _name_of(roots: Sequence[object]) -> str:
    named = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)  # others' attributes are code of theirs
    names = [root.__qualname__ if isinstance(root, named) else type(root).__name__ for root in roots]
    return ", ".join(names)
