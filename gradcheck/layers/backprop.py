"""A forward that returns its output and a function that goes backwards: f(x) -> (y, backprop)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.alone import callable_of
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.elsewhere import starts_of
from gradcheck.layers.keeping import Keeping
from gradcheck.layers.layer import sample_upstream
from gradcheck.layers.objects import is_object
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names
from gradcheck.layers.values import describe, is_array, is_number

__all__ = ["ValueAndBackprop"]


class ValueAndBackprop(Keeping):
    """f(x) -> (y, backprop), backprop(dy) -> dx, a tuple, a dict; parameter gradients may be stored elsewhere."""

    key: ClassVar[str] = "value and backprop"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """One callable that returns a tuple with a callable in it."""
        function = _function(request)
        if function is None:
            return False
        returned = request.returned(function)
        return isinstance(returned, tuple | list) and sum(callable(item) for item in returned) == 1

    def __init__(self, request: Request) -> None:
        function = _function(request)
        if function is None:
            raise GradcheckError(
                'style="value and backprop" needs one function that returns (out, backprop): check_layer(f, x)'
            )
        self.holder = getattr(function, "__self__", None) if not is_object(function) else function
        self.keeps_parameters = self.holder is not None and is_object(self.holder)
        super().__init__(request, function)
        self.learn()
        argument = signature_of(self._backprop).names[:1] or ("dout",)
        many = len(self.outputs) > 1
        out = f"({', '.join(['out'] * len(self.outputs))})" if many else "out"
        self.style = f"forward -> ({out}, backprop), backprop({argument[0]}){self.kept_in_words()}"

    def starts(self) -> list[Path]:
        """The object's attributes, for a method; else globals and closure variables."""
        if self.keeps_parameters:
            return [Path(self.holder, (step,)) for step in children(self.holder)]
        return starts_of(self.call_forward)

    def first_run(self) -> Any:
        """One forward, and the function that it returned."""
        self._take(self.rehearse_forward())
        self.check_outputs(self.outputs)
        self.after_forward()
        self.gradient_names = returned_names(self._backprop)
        with user_code(f"the backward {called(self._backprop)}{signature_of(self._backprop)}"):
            return self.run_backward([sample_upstream(output, "any") for output in self.outputs])

    def forward(self) -> tuple[object, ...]:
        """Call the forward; keep the function that goes backwards."""
        self._take(self.run_forward())
        return self.outputs

    def _take(self, returned: Any) -> None:
        if not isinstance(returned, tuple | list) or not any(callable(item) for item in returned):
            raise GradcheckError(
                f"{called(self.call_forward)} returned {describe(returned)}: "
                f'style="value and backprop" needs (out, backprop)'
            )
        place = next(i for i, item in enumerate(returned) if callable(item))
        first = returned[0] if place else returned[1]
        inner = isinstance(first, tuple | list)
        outputs = list(first) if inner else [item for i, item in enumerate(returned) if i != place]
        self._backprop: Callable[..., Any] = returned[place]
        takes = signature_of(self._backprop)
        self._as_one = inner and not (takes.known and takes.required == len(outputs) > 1)
        several = takes.known and takes.required > 1
        if not inner and not several:
            outputs = outputs[:1]
        self.outputs = tuple(output for output in outputs if is_array(output) or is_number(output) or not inner)

    def run_backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:
        """Call what the forward returned."""
        return self._backprop(tuple(upstreams)) if self._as_one else self._backprop(*upstreams)


def _function(request: Request) -> Callable[..., Any] | None:
    if request.partner is not None or request.given is not None:
        return None
    return callable_of(request)
