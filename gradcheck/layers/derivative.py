"""An activation and its derivative: f and f', of the input or of the output; the gradient is dout * f'."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.layer import Layer
from gradcheck.layers.objects import BACKWARDS, DERIVATIVES, FORWARDS, is_object, method_of
from gradcheck.layers.problem import Gradients
from gradcheck.layers.request import Request
from gradcheck.layers.spelling import is_upstream_name
from gradcheck.layers.values import describe, is_array, is_number, shape_of

__all__ = ["Derivative", "DerivativeOfOutput", "activation_of", "is_total"]

_NAMED = re.compile(
    r".*(prime|deriv|der\b|_der$|dfdx|diff).*|d_?[a-z]\w*|D_?[A-Za-z]\w*|\w*_d|\w*_?(grad|gradient)\w*|df|fprime",
    re.IGNORECASE,
)
_FLAG = re.compile(r"deriv\w*|prime|grad\w*|diff|der|d", re.IGNORECASE)
_ACTIVATIONS = ["f", "fn", "func", "function", "activation", "activate", "act", *FORWARDS]


def activation_of(request: Request) -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    """f and f', however they were given: two functions, an object's two methods, or one function with a flag."""
    pair = request.functions()
    if pair is not None:
        return pair
    subject = request.subject
    if request.partner is not None:
        return None
    if is_object(subject):
        backward = method_of(subject, BACKWARDS)  # where there is one, a derivative beside it is its helper
        forward = method_of(subject, _ACTIVATIONS if backward is None else FORWARDS)
        slope = backward or method_of(subject, DERIVATIVES)
        if forward is not None and slope is not None:
            return forward[1], slope[1]
    if callable(subject):
        names = signature_of(subject).names
        flag = next((name for name in names[1:] if _FLAG.fullmatch(name)), None)
        default = inspect.signature(subject).parameters[flag].default if flag else None
        if flag is not None and default is False:
            return subject, _Flagged(subject, flag)
    return None


class _Flagged:
    """``sigmoid(x, derivative=True)`` as a function of its own."""

    def __init__(self, function: Callable[..., Any], flag: str) -> None:
        self.function, self.flag = function, flag
        self.__name__ = f"{called(function)}(..., {flag}=True)"

    def __call__(self, x: Any, **options: Any) -> Any:
        return self.function(x, **{**options, self.flag: True})


class Derivative(Layer):
    """f(x) and f_prime(x): judged as dout * f_prime(x)."""

    key: ClassVar[str] = "derivative"
    of_output: ClassVar[bool | None] = None  # None: found out by a difference quotient of f

    @classmethod
    def matches(cls, request: Request) -> bool:
        """Two callables of one argument, the second named as a derivative; an activation object; a flag."""
        if len(request.arguments) != 1 or request.given is not None:
            return False
        functions = activation_of(request)
        if functions is None:
            return False
        f, slope = functions
        takes = signature_of(slope)
        if not takes.accepts(1) or takes.required > 1 or not signature_of(f).accepts(1):
            return False
        argument = takes.names[0] if takes.names else "x"
        if is_upstream_name(argument) and argument not in signature_of(f).names:
            return False
        name = called(slope).rpartition(".")[2]
        if isinstance(slope, _Flagged):
            return True
        if request.partner is None:
            # an object's backward(x): a derivative only when nothing was kept by the forward to go back with
            return name not in BACKWARDS or (argument in signature_of(f).names and _keeps_nothing(request, f))
        return bool(_NAMED.fullmatch(name)) and "backward" not in name and not is_total(request, f)

    def __init__(self, request: Request) -> None:
        functions = activation_of(request)
        if functions is None or len(request.arguments) != 1:
            raise GradcheckError(
                f'style="{self.key}" needs f, its derivative and one input: check_layer(tanh, tanh_prime, x)'
            )
        super().__init__(request, *functions)
        self.slope = functions[1]
        self.settle()
        snapshot = self.snapshot()
        try:
            returned = self.rehearse_forward()
            self.outputs = (returned,)
            self.check_outputs(self.outputs)
            with user_code(f"the derivative {called(self.slope)}"):
                self._at_output = self._choose(returned) if self.of_output is None else self.of_output
                given = self._slope_at(returned if self._at_output else self.arguments[0])
            self._check_slope(given, returned)
        finally:
            snapshot.restore()
        argument = (signature_of(self.slope).names or ("x",))[0]
        what = "output" if self._at_output else "input"
        self.style = f"{called(self.call_forward)} and its derivative {called(self.slope)}({argument}), of the {what}"

    def forward(self) -> tuple[object, ...]:
        """Call f."""
        self._value = self.run_forward()
        return (self._value,)

    def backward(self, upstreams: Sequence[np.ndarray[Any, Any]]) -> Gradients:
        """dout * f', entry by entry; for a full Jacobian, the sum over the output's entries."""
        x = self.arguments[0]
        slope = self._slope_at(self._value if self._at_output else x)
        dout = upstreams[0]
        shape = shape_of(x) or ()
        if dout.ndim and np.shape(slope) == dout.shape + shape and np.shape(slope) != dout.shape:
            gradient: Any = np.tensordot(dout, slope, axes=dout.ndim)
        else:
            gradient = dout * slope
        return Gradients({self.variables[0].name: gradient})

    def _slope_at(self, x: Any) -> Any:
        return self.slope(x, **signature_of(self.slope).taken_of(self.keywords))

    def _choose(self, value: Any) -> bool:
        """Whether f' is a function of the output: whichever reading agrees with a central difference of f."""
        x = self.arguments[0]
        wide = np.asarray(x, dtype=np.float64)
        # the cube root of the rounding error balances it against the error of the difference
        step = 6e-6 * np.maximum(np.abs(wide), 1.0)
        try:
            with np.errstate(all="ignore"):
                high, low = (np.asarray(self.call_forward(wide + s, **self.keywords)) for s in (step, -step))
                truth = (high - low) / (2 * step)
                readings = [np.asarray(self._slope_at(at), dtype=np.float64) for at in (x, value)]
        except Exception:
            return False
        if any(reading.shape not in (truth.shape, ()) for reading in readings):
            return False
        near = 1e-3 if np.asarray(value).dtype.itemsize >= 4 else 3e-2
        right = [float(np.mean(np.abs(r - truth) <= near * (np.abs(truth) + 1e-3))) for r in readings]
        if max(right) < 0.999:
            which = "output" if right[1] > right[0] else "input"
            self.notes.append(
                f"{called(self.slope)} agrees with a difference quotient of {called(self.call_forward)} neither as a "
                f"function of the input nor of the output everywhere: judged as of the {which} (style= says otherwise)"
            )
        return right[1] > right[0]

    def _check_slope(self, given: Any, value: Any) -> None:
        if is_array(given) or is_number(given):
            return
        raise GradcheckError(
            f"the derivative {called(self.slope)} returned {describe(given)}: it must return an array of shape "
            f"{shape_of(value)}"
        )


class DerivativeOfOutput(Derivative):
    """f(x) and f_prime(y) with y = f(x): judged as dout * f_prime(f(x))."""

    key: ClassVar[str] = "derivative of output"
    of_output: ClassVar[bool | None] = True

    @classmethod
    def matches(cls, request: Request) -> bool:  # noqa: ARG003  # chosen by name only: "derivative" tells the two apart
        """Never by itself."""
        return False


def _keeps_nothing(request: Request, f: Callable[..., Any]) -> bool:
    holder = getattr(f, "__self__", None)
    if holder is None or isinstance(holder, type):
        return True
    before = dict(getattr(holder, "__dict__", {}))
    kept: dict[str, Any] = {}
    request.returned(f, after=lambda: kept.update(getattr(holder, "__dict__", {})))
    return all(name in before and before[name] is value for name, value in kept.items())


def is_total(request: Request, f: Callable[..., Any]) -> bool:
    """f maps many numbers to one: then the second function is its whole gradient, no entrywise derivative."""
    x = request.arguments[0]
    value = request.returned(f)
    return is_array(x) and x.size > 1 and np.size(value) == 1 and not isinstance(value, tuple | list)
