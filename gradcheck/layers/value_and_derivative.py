"""An activation that returns its value and its derivative together: f(x) -> (y, dy/dx), both of x's shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.alone import callable_of
from gradcheck.layers.calling import called
from gradcheck.layers.layer import Layer
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.values import describe, is_array, is_number, same_shape

__all__ = ["ValueAndDerivative"]


class ValueAndDerivative(Layer):
    """f(x) -> (y, dydx): judged as dout * dydx."""

    key: ClassVar[str] = "value and derivative"

    @classmethod
    def matches(cls, request: Request) -> bool:
        """One callable of one array that returns two arrays of its shape."""
        function = callable_of(request) if request.partner is None and request.given is None else None
        if function is None or len(request.arguments) != 1:
            return False
        x, returned = request.arguments[0], request.returned(function)
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            return False
        return (is_array(x) or is_number(x)) and all(same_shape(item, x) for item in returned)

    def __init__(self, request: Request) -> None:
        function = callable_of(request) if request.partner is None else None
        if function is None or len(request.arguments) != 1:
            raise GradcheckError(
                'style="value and derivative" needs one function that returns (y, dy/dx), and one input'
            )
        super().__init__(request, function)
        snapshot = self.snapshot()
        try:
            self._take(self.rehearse_forward())
        finally:
            snapshot.restore()
        self.outputs = (self._value,)
        self.check_outputs(self.outputs)
        self.settle()
        self.style = f"{called(function)}({self.names[0]}) -> (value, derivative)"

    def _take(self, returned: Any) -> None:
        if not isinstance(returned, tuple | list) or len(returned) != 2:
            raise GradcheckError(
                f"{called(self.call_forward)} returned {describe(returned)}: "
                f'style="value and derivative" needs (value, derivative)'
            )
        self._value, self._slope = returned

    def forward(self) -> tuple[object, ...]:
        """Call f; keep the derivative."""
        self._take(self.run_forward())
        return (self._value,)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """dout * dydx."""
        return Gradients({self.variables[0].name: upstreams[0] * self._slope})
