"""Objects with a forward and a backward method, under any of their common names."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable
from typing import Any, ClassVar

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import called, signature_of
from gradcheck.layers.declared import declared_pairs, kept_pairs
from gradcheck.layers.elsewhere import starts_of
from gradcheck.layers.handed import Handed
from gradcheck.layers.losses import mean_of
from gradcheck.layers.pair import Pair
from gradcheck.layers.pairing import name_of
from gradcheck.layers.reach import Path, children
from gradcheck.layers.request import Request
from gradcheck.layers.spelling import is_rate_name
from gradcheck.layers.update import Rate
from gradcheck.layers.values import describe, is_array, is_number, is_tensor
from gradcheck.state.slot import MISSING

__all__ = ["BACKWARDS", "DERIVATIVES", "FORWARDS", "Object", "is_object", "method_of"]

FORWARDS = [
    "forward",
    "forward_pass",
    "forward_propagation",
    "forward_prop",
    "forward_propagate",
    "feedforward",
    "feed_forward",
    "fprop",
    "fwd",
    "propagate",
    "compute",
    "calculate_output",
    "call",
    "__call__",
    "apply",
    "activate",
    "predict",
    "output",
    "loss",
]
BACKWARDS = [
    "backward",
    "backward_pass",
    "backward_propagation",
    "backward_prop",
    "backward_propagate",
    "backprop",
    "back_prop",
    "backpropagate",
    "backpropagation",
    "back_propagation",
    "back_propagate",
    "bprop",
    "bwd",
    "backwards",
    "back",
    "vjp",
    "pullback",
    "grad_input",
    "compute_gradients",
]
DERIVATIVES = [
    "derivative",
    "deriv",
    "derivate",
    "prime",
    "df",
    "dfdx",
    "df_dx",
    "f_prime",
    "fprime",
    "d_f",
    "der",
    "gradient",
    "grad",
    "grads",
    "d",
    "D",
    "backward_derivative",
    "dydx",
    "activation_derivative",
    "activation_prime",
    "d_activation",
    "dactivation",
    "activate_derivative",
    "forward_derivative",
    "derivation",
    "diff",
]
_ZERO = [
    "zero_grad",
    "zero_grads",
    "zero_gradients",
    "zerograd",
    "reset_grad",
    "reset_grads",
    "reset_gradients",
    "clear_grad",
    "clear_grads",
    "clear_gradients",
    "cleargrads",
    "init_grads",
]

_FLUSH = ["flush_gradients", "flush", "clear_cache", "reset_cache"]  # they take away what forwards kept, too
_OUTPUT_ATTRIBUTES = ("output", "out", "outputs", "y", "a", "activation", "result", "value", "loss")


def method_of(holder: Any, names: list[str]) -> tuple[str, Callable[..., Any]] | None:
    """The first of ``names`` that ``holder`` has as a method."""
    for name in names:
        found = inspect.getattr_static(holder, name, None)
        if found is not None and callable(getattr(holder, name, None)):
            return name, getattr(holder, name)
    return None


def is_object(value: object) -> bool:
    """Whether ``value`` is a user's object (or a class or module used as one), and no bare function."""
    if inspect.isroutine(value) or is_array(value) or is_tensor(value):
        return False
    return not isinstance(value, str | int | float | list | tuple | dict | None)


class Object(Pair):
    """An object: forward(...), backward(...), with parameters and gradients in its attributes or returned."""

    key: ClassVar[str] = "object"
    keeps_parameters = True

    @classmethod
    def matches(cls, request: Request) -> bool:
        """An object with a forward and a backward method, or two bound methods of one object."""
        if _one_object(request) is not None:
            return True
        if request.partner is not None or not is_object(request.subject):
            return False
        return method_of(request.subject, FORWARDS) is not None and backward_of(request.subject) is not None

    def __init__(self, request: Request) -> None:
        self.holder = _one_object(request)
        functions = request.functions() if self.holder is not None else None
        if functions is not None:
            names = [called(function).rpartition(".")[2] for function in functions]
            forward, backward = method_of(self.holder, names[:1]), method_of(self.holder, names[1:])
        else:
            self.holder = request.subject
            forward, backward = method_of(self.holder, FORWARDS), backward_of(self.holder)
        if forward is None or backward is None:
            raise not_a_layer(request)
        _refuse_class(self.holder, forward, backward, len(request.arguments))
        mean = mean_of(self.holder, forward[1], request.returned) if request.partner is None else None
        if mean is not None:
            forward = "calculate", mean
        self.methods = forward[0], backward[0]
        self.functions = forward[1], backward[1]
        self.reset = method_of(self.holder, _ZERO)
        self.flush = method_of(self.holder, _FLUSH)
        self.handed = Handed(self.starts())
        self._rates: dict[str, Any] = {}
        self.start(request, forward[1], backward[1])

    def starts(self) -> list[Path]:
        """Below the object itself; for a class or module, also where its functions keep things."""
        if isinstance(self.holder, type | types.ModuleType):
            attributes = vars(self.holder) if isinstance(self.holder, type) else {}
            own = [name for name in attributes if not name.startswith("__") and not callable(attributes[name])]
            return [Path(self.holder, (("attribute", name),)) for name in own] + starts_of(*self.functions)
        return [Path(self.holder, (step,)) for step in children(self.holder)]

    def owned(self, candidates: list[tuple[Path, Any]]) -> list[tuple[Path, Any]]:
        """All that the object holds."""
        return candidates

    def declared(self) -> list[tuple[Any, Path]]:
        """What get_params() and get_grads(), or their like, say."""
        return declared_pairs(self.holder) + kept_pairs(self.keeper.arrays())

    def run_forward(self) -> Any:
        """Call the forward; where it returns nothing, the output is the attribute it wrote."""
        if self.flush is not None and signature_of(self.flush[1]).required == 0:
            self.flush[1]()
            self.note(f"{self.flush[0]}() is called before each forward")
        returned = super().run_forward()
        if returned is not None and returned is not self.holder:
            return returned
        for name in _OUTPUT_ATTRIBUTES:
            held = getattr(self.holder, name, None)
            if is_array(held) or isinstance(held, float):
                what = "nothing" if returned is None else "the object itself"
                self.note(f"{self.methods[0]} returns {what}: the output is the attribute {name}")
                return held
        return None

    def run_backward(self, upstreams: Any) -> Any:
        """Clear the gradients the object's own way, if it has one, then call its backward."""
        if self.reset is not None and signature_of(self.reset[1]).required == 0:
            self.reset[1]()
            self.note(f"{self.reset[0]}() is called before each backward")
        with self.handed.heard():
            raw = super().run_backward(upstreams)
        self.passed_on = {self._name_at(path): gradient for path, gradient in self.handed.gradients.items()}
        return raw

    def after_forward(self) -> None:
        """What the forward left in place may be handed to an optimizer."""
        super().after_forward()
        self.handed.arrays = [path for path, _ in self._stable]

    def _name_at(self, path: Path) -> str:
        """The name of the parameter at ``path``; one that no other sign told of is taken in here."""
        known = next((name for name, other in self.keeper.parameters.items() if other == path), None)
        if known is None:
            known = name_of(path, self.handed.arrays)
            self.keeper.parameters[known] = path
            shown = ", ".join(
                dict.fromkeys(f"{place.text}.{name}".rstrip(".") for place, name in self.handed.listening)
            )
            self.note(f"gradients are those handed to {shown}; the weights stay as they are")
        return known

    def _optimizers(self) -> str:
        return ", ".join(dict.fromkeys(f"{place.text}.{name}".rstrip(".") for place, name in self.handed.listening))

    def rate(self, name: str) -> Any:
        """The learning rate for a backward that asks for one: the caller's, the object's, else 1."""
        if name in self.options():
            return self.options()[name]
        found = self._rate_of_object()
        self._rates[name] = 1.0 if found is None else found.get()
        return self._rates[name]

    def rate_source(self) -> Rate | None:
        """The rate given to the backward, or the object's own."""
        for role in (*self.binding.roles, *self.binding.keywords.values()):
            if role.kind == "rate" or (role.kind == "option" and is_rate_name(str(role.which))):
                name = str(role.which)
                return Rate(name, functools.partial(self._rate_used, name))
        for name, default in signature_of(self.call_backward).defaults.items():
            if is_rate_name(name) and isinstance(default, int | float) and default:
                return Rate(name, functools.partial(float, default))
        return self._rate_of_object()

    def _rate_used(self, name: str) -> float:
        return float(self.options().get(name, self._rates.get(name, 1.0)))

    def _rate_of_object(self) -> Rate | None:
        level = self.starts()
        for _ in range(2):
            below: list[Path] = []
            for path in level:
                value = path.get()
                if isinstance(path.keys[-1], str) and is_rate_name(path.keys[-1]) and is_number(value):
                    return Rate(path.text, lambda path=path: float(path.get()))  # type: ignore[misc]  # a default binds the loop's path
                if value is not MISSING:
                    below += [Path(path.root, (*path.steps, step)) for step in children(value)]
            level = below
        return None

    def describe_style(self) -> str:
        """The methods in use, and where the gradients are."""
        forward, backward = self.methods
        out = self._outputs_in_words()
        words = f"object: {forward}({', '.join(self.names)}) -> {out}, {backward}({', '.join(self._asked())})"
        handed = (
            f", hands {', '.join('d' + n for n in self.passed_on)} to {self._optimizers()}" if self.passed_on else ""
        )
        return words + self.kept_in_words() + handed


def _one_object(request: Request) -> Any:
    """The object whose two methods were given, layer.forward and layer.backward; None otherwise."""
    holders = [getattr(function, "__self__", None) for function in request.functions() or ()]
    bound = all(isinstance(function, types.MethodType) for function in request.functions() or ())
    return holders[0] if holders and bound and holders[0] is holders[1] else None


def backward_of(holder: Any) -> tuple[str, Callable[..., Any]] | None:
    """The method that goes backwards; one called ``gradient`` counts when nothing plainer is there."""
    found = method_of(holder, BACKWARDS) or method_of(
        holder, ["gradient", "grad", "gradients", "get_gradients", "get_gradient"]
    )
    if found is None:
        slope = method_of(holder, DERIVATIVES)
        # derivative() of what the forward kept; one that takes x is another style
        found = slope if slope is not None and not signature_of(slope[1]).names else None
    return found


def not_a_layer(request: Request) -> GradcheckError:
    """What to say of a first argument that no style fits."""
    subject = request.subject
    if not callable(subject) and not is_object(subject):
        return GradcheckError(
            f"the first argument is {describe(subject)}: give a forward and a backward function, "
            f"or an object that has both"
        )
    name = called(subject)
    if inspect.isroutine(subject):
        return GradcheckError(
            f"{name} was given without a backward: pass one after it, check_layer({name}, {name}_backward, x), "
            f"or return (out, backprop) or (loss, gradients) from it, or give gradients={{...}} at hand"
        )
    if method_of(subject, FORWARDS) is None:
        return GradcheckError(
            f"{name} has no forward: a layer object needs forward(x) (or fprop, __call__ ...) and backward(dout); "
            f"it has {_methods_in_words(subject)}"
        )
    return GradcheckError(
        f"{name} has no backward: a layer object needs backward(dout) (or backprop, bprop, gradient ...) "
        f"beside its forward; it has {_methods_in_words(subject)}"
    )


def _methods_in_words(subject: Any) -> str:
    names = [n for n in dir(subject) if not n.startswith("_") and callable(getattr(subject, n, None))]
    return ", ".join(names[:12]) or "no methods"


def _refuse_class(
    holder: Any, forward: tuple[str, Callable[..., Any]], backward: tuple[str, Callable[..., Any]], inputs: int
) -> None:
    """A class in place of an object of it; one that only groups functions without ``self`` is fine as it is."""
    if not isinstance(holder, type):
        return
    plain = [
        signature_of(method)
        for name, method in (forward, backward)
        if inspect.isfunction(method) and not isinstance(inspect.getattr_static(holder, name), staticmethod)
    ]
    if any(s.names[:1] in (("self",), ("this",)) for s in plain) or (
        plain and not signature_of(forward[1]).accepts(inputs)
    ):
        raise GradcheckError(f"{holder.__name__} is a class: pass an object of it, {holder.__name__}(...)")
