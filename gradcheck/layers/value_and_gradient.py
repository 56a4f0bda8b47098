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
from gradcheck.layers.matching import as_mapping, flattened, names_for
from gradcheck.layers.objects import is_object
from gradcheck.layers.problem import Variable
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names
from gradcheck.layers.spelling import is_data_name, is_target_name, match_names
from gradcheck.layers.values import describe, is_array, is_number, is_scalar, same_shape

__all__ = ["ValueAndGradient", "data_and_targets"]


class ValueAndGradient(Keeping):
    """f(...) -> (loss, gradients), the gradients as an array, a tuple, a list or a dict."""

    key: ClassVar[str] = "value and gradient"

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

    def settle(self) -> None:
        """Data and targets that the function gives no gradient of are constants, and said to be."""
        super().settle()
        wanted = data_and_targets(self._gradients, self.gradient_names, self.variables, self.request.wrt or ())
        stored = [v for v in wanted if v.name not in self.keeper.gradients]
        for variable in stored:
            variable.differentiated = False
            variable.reason = "data or targets: no gradient is returned for it"
        if stored:
            names = ", ".join(v.name for v in stored)
            self.note(
                f"{names}: taken as data or targets, for the function returns no gradient of it (wrt= asks for it)"
            )


def data_and_targets(
    raw: Any, written: Sequence[str | None] | None, variables: Sequence[Variable], asked: Sequence[str]
) -> list[Variable]:
    """The inputs named like data or labels that a set of gradients leaves out, while it has those of others."""
    floats = [v for v in variables if v.differentiated]
    named = as_mapping(raw)
    items = flattened(raw)
    if named is not None:
        given = set(match_names([v.name for v in floats], list(named)))
    elif len(items) >= len(floats) or any(as_mapping(item) is not None for item in items):
        return []
    else:
        names = names_for(len(items), written, floats)
        # without readable names: the leading ones, as long as their shapes are right
        fitting = [v.name for v, item in zip(floats, items, strict=False) if same_shape(item, v.array)]
        given = set(names if names is not None else fitting)
        if names is None and len(fitting) != len(items):
            likely = [v for v in floats if not is_target_name(v.name)]
            given = {v.name for v in likely} if len(likely) == len(items) else set()
    if not given:
        return []
    parameters = any(v.name in given for v in floats if not is_data_name(v.name))
    return [
        v
        for v in floats
        if v.name not in given
        and v.name not in asked
        and v.role == "input"
        and (is_target_name(v.name) or (parameters and is_data_name(v.name)))
    ]


def _function(request: Request) -> Callable[..., Any] | None:
    if request.partner is not None or request.given is not None:
        return None
    return callable_of(request)


def _is_value_and_derivative(returned: Any, request: Request) -> bool:
    """f(x) -> (y, dy) of one shape with x, for a single number x."""
    arrays = [a for a in request.arguments if is_array(a) or is_number(a)]
    return len(arrays) == 1 and len(returned) == 2 and all(same_shape(item, arrays[0]) for item in returned)
