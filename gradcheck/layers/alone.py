"""One callable and no backward: which callable, what it returned, and which of that are outputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called
from gradcheck.layers.layer import Layer
from gradcheck.layers.objects import FORWARDS, is_object, method_of, not_a_layer
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names
from gradcheck.layers.spelling import is_cache_name
from gradcheck.layers.values import is_array, is_number, is_scalar

__all__ = ["Given", "callable_of", "main_outputs"]


def callable_of(request: Request) -> Callable[..., Any] | None:
    """The function given, or the method of the object given that goes forward."""
    subject = request.subject
    if is_object(subject) and not isinstance(subject, type):
        method = method_of(subject, [*FORWARDS, "loss", "begin_update"])
        if method is not None:
            return method[1]
    if callable(subject) and (inspect.isroutine(subject) or isinstance(subject, np.ufunc) or is_object(subject)):
        return subject
    return None


def main_outputs(returned: Any, written: Sequence[str | None] | None) -> tuple[int, ...] | None:
    """Which of the returned values are outputs, when there is no backward whose arguments would tell."""
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        return None
    names = list(written or ()) if written is not None and len(written) == len(returned) else [None] * len(returned)
    outputs = []
    for i, (name, item) in enumerate(zip(names, returned, strict=True)):
        if not (is_array(item) or is_number(item)) or is_cache_name(name or ""):
            break
        if i and is_scalar(returned[0]):
            break  # (loss, gradients)
        outputs.append(i)
    return tuple(outputs) or (0,)


class Given(Layer):
    """A forward alone, with gradients at hand (``gradients={"w": dw}``), or with none: only the truth is asked for."""

    key: ClassVar[str] = "gradients at hand"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """Gradients were given as a dict of arrays."""
        return request.given is not None

    def __init__(self, request: Request, *, truth_only: bool = False) -> None:
        function = callable_of(request)
        if function is None:
            raise not_a_layer(request)
        super().__init__(request, function)
        given = request.given
        self.given: dict[str, Any] = given or {}
        snapshot = self.snapshot()
        try:
            returned = self.rehearse_forward()
        finally:
            snapshot.restore()
        self.chosen = main_outputs(returned, returned_names(function))
        self.outputs = self._split(returned)
        self.check_outputs(self.outputs)
        if not truth_only:
            self._check_given()
        self.settle()
        if not truth_only:
            for variable in self.variables:
                if variable.differentiated and variable.name not in self.given:
                    variable.differentiated, variable.reason = False, "no gradient of it was given"
            self.notes.append("gradients at hand: no backward was called, so that its contract is not checked")
        self.calls_backward = False
        self.style = "forward alone, gradients at hand" if not truth_only else "forward alone"

    def _check_given(self) -> None:
        if not self.given:
            raise GradcheckError('gradients is empty: give what is to be checked, gradients={"w": dw}')
        self._take_numbers([*self.given, *(name.removeprefix("d") for name in self.given)])
        known = {variable.name: variable for variable in self.variables}
        for name in list(self.given):
            if name not in known and name.removeprefix("d") in known:
                self.given[name.removeprefix("d")] = self.given.pop(name)
            elif name not in known:
                have = ", ".join(repr(v) for v in known) or "no arrays"
                raise GradcheckError(
                    f"gradients names {name!r}, which {called(self.call_forward)} does not take: it takes {have}"
                )

    def _split(self, returned: Any) -> tuple[Any, ...]:
        return (returned,) if self.chosen is None else tuple(returned[i] for i in self.chosen)

    def forward(self) -> tuple[object, ...]:
        """Call the forward."""
        return self._split(self.run_forward())

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:  # noqa: ARG002  # given for one upstream
        """What the caller gave."""
        return Gradients({variable.name: self.given.get(variable.name) for variable in self.variables})
