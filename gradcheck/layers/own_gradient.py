"""A function and its gradient, called alike: mse(y_true, y_pred) and mse_prime(y_true, y_pred), loss and gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.derivative import activation_of, is_total
from gradcheck.layers.layer import Layer
from gradcheck.layers.matching import as_mapping, flattened, match_returned, named_gradients, names_for, ungrouped
from gradcheck.layers.objects import BACKWARDS, DERIVATIVES, is_object, method_of
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.source import returned_names
from gradcheck.layers.spelling import is_prediction_name, is_target_name, is_upstream_name
from gradcheck.layers.values import same_shape

__all__ = ["OwnGradient"]

_LOSSES = [
    "loss",
    "forward",
    "__call__",
    "cost",
    "f",
    "fn",
    "func",
    "function",
    "compute",
    "calculate",
    "value",
    "error",
]
_GRADIENTS = ["delta", "loss_derivative", "loss_prime", "cost_derivative", "jac", "jacobian", *DERIVATIVES, *BACKWARDS]


class OwnGradient(Layer):
    """f(a, b) and g(a, b): g takes what f takes and no upstream gradient, so it is the gradient of sum(f)."""

    key: ClassVar[str] = "function and gradient"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """The second function takes just what the first one takes."""
        functions = _functions(request)
        if functions is None or request.given is not None:
            return False
        first, second = (signature_of(function) for function in functions)
        names = second.names[: second.required] or second.names
        if not names or any(is_upstream_name(name) and name not in first.names for name in names):
            return False
        if len(request.arguments) == 1:
            return second.required <= 1 and names[0] in first.names and is_total(request, functions[0])
        return list(names) == list(first.names[: len(names)]) and len(names) == len(request.arguments)

    def __init__(self, request: Request) -> None:
        functions = _functions(request)
        if functions is None:
            raise GradcheckError(
                f'style="{self.key}" needs a function and its gradient that take the same arguments: '
                f"check_layer(mse, mse_prime, y_true, y_pred)"
            )
        super().__init__(request, *functions)
        self.call_gradient = functions[1]
        self.upstream = "one"
        self.written = returned_names(self.call_gradient)
        snapshot = self.snapshot()
        try:
            self.outputs = (self.rehearse_forward(),)
            self.check_outputs(self.outputs)
            with user_code(f"the gradient {called(self.call_gradient)}"):
                raw = self._gradient()
        finally:
            snapshot.restore()
        self.promote(raw, dict(named_gradients(raw, self.written)))
        self.settle()
        self._find_targets(raw)
        names = ", ".join(self.names)
        self.style = f"{called(self.call_forward)}({names}) and its gradient {called(self.call_gradient)}({names})"

    def _gradient(self) -> Any:
        return self.call_gradient(*self.arguments, **signature_of(self.call_gradient).taken_of(self.keywords))

    def _find_targets(self, raw: Any) -> None:
        """One gradient for a prediction and a target: it is the prediction's, as the names say."""
        floats = [v for v in self.variables if v.differentiated]
        items = flattened(raw)
        if as_mapping(raw) is not None or len(items) >= len(floats):
            return
        names = names_for(len(items), self.written, floats)
        meant = [v for v in floats if names is not None and v.name in names]
        if not meant:
            meant = [v for v in floats if not is_target_name(v.name)]
        if len(meant) != len(items):
            meant = [v for v in floats if is_prediction_name(v.name) and not is_target_name(v.name)]
        if len(meant) != len(items) or not all(same_shape(v.array, i) for v, i in zip(meant, items, strict=True)):
            return
        for variable in floats:
            if (
                variable not in meant
                and variable.name not in (self.request.wrt or ())
                and is_target_name(variable.name)
            ):
                variable.differentiated = False
                variable.reason = "the target: no gradient is returned for it"

    def forward(self) -> tuple[object, ...]:
        """Call the function."""
        return (self.run_forward(),)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:  # noqa: ARG002  # ones, by what it is
        """Call the gradient with the same arguments."""
        return match_returned(
            ungrouped(self._gradient(), self.arguments),
            self.variables,
            slots=self.positions(),
            written=self.written,
            order=self.request.order,
            asked=self.request.wrt,
        )


def _functions(request: Request) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    pair = request.functions()
    if pair is not None or request.partner is not None or not is_object(request.subject):
        return pair
    forward, gradient = method_of(request.subject, _LOSSES), method_of(request.subject, _GRADIENTS)
    if forward is None or gradient is None:
        return activation_of(request)
    if gradient[0] in BACKWARDS and returned_names(gradient[1]) is None:
        return None  # it stores what it finds: an object
    return forward[1], gradient[1]
