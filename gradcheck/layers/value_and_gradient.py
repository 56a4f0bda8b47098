"""One function that returns its value and the gradients of it: loss(W, X, y, reg) -> (loss, dW)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.alone import callable_of
from gradcheck.layers.calling import called
from gradcheck.layers.elsewhere import starts_of
from gradcheck.layers.keeping import Keeping
from gradcheck.layers.objects import is_object
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names
from gradcheck.layers.values import describe, is_array, is_number, is_scalar, same_shape

__all__ = ["ValueAndGradient"]


class ValueAndGradient(Keeping):
    """f(...) -> (loss, gradients), the gradients as an array, a tuple, a list or a dict."""

    key: ClassVar[str] = "value and gradient"
    backward_apart = False

    @classmethod
    def matches(cls, request: Request) -> bool:
        """One callable that returns a number and something more, none of it callable."""
        function = _function(request)
        if function is None:
            return False
        returned = request.returned(function)
        if not isinstance(returned, tuple | list) or len(returned) < 2 or not is_scalar(returned[0]):
            return False
        if _is_value_and_derivative(returned, request):
            return False
        return not any(callable(item) for item in returned[1:])

    def __init__(self, request: Request) -> None:
        function = _function(request)
        if function is None:
            raise GradcheckError(
                'style="value and gradient" needs one function that returns (value, gradients): check_layer(f, x)'
            )
        self.holder = getattr(function, "__self__", None)
        self.keeps_parameters = is_object(self.holder) and self.holder is not None
        super().__init__(request, function)
        self.upstream = "one"
        self.learn()
        written = returned_names(function) or []
        names = [name for name in written[1:] if name] if None not in written[1:] else []
        self.style = f"{called(function)}(...) -> (value, {', '.join(names) or 'gradients'})"

    def starts(self) -> list[Path]:
        """The object's attributes, for a method; else globals and closure variables."""
        if self.keeps_parameters:
            return [Path(self.holder, (step,)) for step in children(self.holder)]
        return starts_of(self.call_forward)

    def first_run(self) -> Any:
        """One call."""
        self._take(self.rehearse_forward())
        self.check_outputs(self.outputs)
        self.after_forward()
        return self._gradients

    def forward(self) -> tuple[object, ...]:
        """Call the function; keep the gradients it returned."""
        self._take(self.run_forward())
        return self.outputs

    def _take(self, returned: Any) -> None:
        if not isinstance(returned, tuple | list) or len(returned) < 2:
            raise GradcheckError(
                f"{called(self.call_forward)} returned {describe(returned)}: "
                f'style="value and gradient" needs (value, gradients)'
            )
        rest = returned[1:]
        written = returned_names(self.call_forward)
        self.gradient_names = written[1:] if written is not None and len(written) == len(returned) else None
        self.outputs, self._gradients = (returned[0],), rest[0] if len(rest) == 1 else tuple(rest)

    def run_backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Any:  # noqa: ARG002  # the value is the end
        """The gradients came with the value."""
        return self._gradients


def _function(request: Request) -> Callable[..., Any] | None:
    if request.partner is not None or request.given is not None:
        return None
    return callable_of(request)


def _is_value_and_derivative(returned: Any, request: Request) -> bool:
    """f(x) -> (y, dy) of one shape with x, for a single number x."""
    arrays = [a for a in request.arguments if is_array(a) or is_number(a)]
    return len(arrays) == 1 and len(returned) == 2 and all(same_shape(item, arrays[0]) for item in returned)
