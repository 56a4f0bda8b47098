"""The ordered list of calling styles, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.alone import Given
from gradcheck.layers.backprop import ValueAndBackprop
from gradcheck.layers.calling import called
from gradcheck.layers.derivative import Derivative, DerivativeOfOutput
from gradcheck.layers.layer import Layer
from gradcheck.layers.objects import Object, not_a_layer
from gradcheck.layers.own_gradient import OwnGradient
from gradcheck.layers.pair import Pair
from gradcheck.layers.problem import Problem
from gradcheck.layers.request import Request
from gradcheck.layers.roles import ANY, Reading, reading_of
from gradcheck.layers.spelling import is_cache_name, is_upstream_name
from gradcheck.layers.tape import Tape
from gradcheck.layers.torch_subject import TorchSubject, torch_subject
from gradcheck.layers.value_and_derivative import ValueAndDerivative
from gradcheck.layers.value_and_gradient import ValueAndGradient
from gradcheck.layers.vjps import Vjps
from gradcheck.layers.widened import widening

__all__ = ["STYLES", "TorchSubject", "adapt", "adapt_forward"]

# what is more particular comes first: the first that fits is taken
_STYLES: tuple[type[Layer], ...] = (
    Given,
    Vjps,
    Tape,
    Derivative,
    DerivativeOfOutput,
    OwnGradient,
    Object,
    Pair,
    ValueAndBackprop,
    ValueAndDerivative,
    ValueAndGradient,
)

STYLES: tuple[str, ...] = tuple(style.key for style in _STYLES)


def adapt(
    subject: Sequence[object],
    *,
    style: str | None = None,
    kwargs: object = None,
    params: object = None,
    constants: object = (),
    wrt: object = None,
    gradients: object = None,
    name: str | None = None,
    seed: int | None = None,
    upstream: object = None,
) -> Problem | TorchSubject:
    """Turn the positional arguments of ``check_layer`` into a :class:`Problem`.

    Args:
        subject: callables or an object first, then the forward's arguments.
        style: one of :data:`STYLES`, where two fit; with more after a comma where two readings of it do:
            ``"pair, 2 outputs"`` (the backward takes two upstream gradients), ``"pair, cache"`` or ``"pair, input"``
            (what the backward's other argument is given).
        kwargs: passed to the forward by name, and to the backward where it takes these names.
        params: arrays that the forward uses from elsewhere (globals, closures), by name.
        constants: names of float inputs that have no gradient.
        wrt: names to check; all by default.
        gradients: a dict of gradients at hand (no backward is called), or the names of the inputs in the order in
            which the backward returns their gradients.
        name: how the report calls it.
        seed, upstream: of the check that follows; the calls that are made here can then be a part of it.

    Raises:
        GradcheckError: the call makes no sense; the text names the argument and says what would be right.
    """
    torch = torch_subject(subject)
    if torch is not None:
        return torch
    subject = list(subject)
    with widening(subject, kwargs, params, gradients) as hold:
        return hold(_adapted(subject, style, kwargs, params, constants, wrt, gradients, name, seed, upstream))


def _adapted(
    subject: Sequence[object],
    style: str | None,
    kwargs: object,
    params: object,
    constants: object,
    wrt: object,
    gradients: object,
    name: str | None,
    seed: int | None,
    upstream: object,
) -> Problem:
    request = Request.of(
        subject,
        style=style,
        kwargs=kwargs,
        params=params,
        constants=constants,
        wrt=wrt,
        gradients=gradients,
        name=name,
    )
    request.seed, request.upstream = seed, upstream
    if style is not None:
        kind, request.reading = _named(style)
        return kind(request)  # type: ignore[call-arg]  # every style in the list takes the request alone
    _refuse_two_readings(request)
    for candidate in _STYLES:
        if _matches(candidate, request):
            return candidate(request)  # type: ignore[call-arg]  # as above
    raise not_a_layer(request)


def adapt_forward(
    forward: object,
    inputs: Sequence[object],
    *,
    kwargs: object = None,
    params: object = None,
    constants: object = (),
    wrt: object = None,
) -> Problem:
    """A forward alone, where only its true gradients are asked for; its ``backward`` gives nothing.

    Raises:
        GradcheckError: as :func:`adapt`.
    """
    subject = [forward, *inputs]
    with widening(subject, kwargs, params) as hold:
        request = Request.of(subject, kwargs=kwargs, params=params, constants=constants, wrt=wrt)
        return hold(Given(request, truth_only=True))


def _matches(style: Any, request: Request) -> bool:
    return bool(style.matches(request))


def _refuse_two_readings(request: Request) -> None:
    """f(x) and g(x), and no name says whether g is given the upstream gradient or the input."""
    signatures, functions = request.signatures(), request.functions()
    if signatures is None or functions is None or len(request.arguments) != 1 or not signatures[1].known:
        return
    first, second = signatures
    if len(second.names) != 1 or second.rest or Derivative.matches(request) or OwnGradient.matches(request):
        return
    argument, name = second.names[0], called(functions[1])
    said = is_upstream_name(argument) or is_cache_name(argument)
    if not said and argument in first.names and not any(word in name.lower() for word in ("back", "bprop", "vjp")):
        raise GradcheckError(
            f'two styles fit {name}({argument}): style="derivative" if it is the derivative at the input (or '
            f'style="derivative of output"), style="pair" if {argument} is the upstream gradient; say which'
        )


def _named(style: object) -> tuple[type[Layer], Reading]:
    if isinstance(style, str):
        first, _, more = style.partition(",")
        wanted = first.replace("_", " ").replace("-", " ").lower().strip()
        reading = reading_of(more) if more else ANY
        for candidate in _STYLES:
            if candidate.key == wanted and reading is not None:
                return candidate, reading
        if any(candidate.key == wanted for candidate in _STYLES):
            raise GradcheckError(
                f'style={style!r}: after "{first}" comes "2 outputs", "cache" or "input", as in style="pair, 2 outputs"'
            )
    known = ", ".join(repr(key) for key in STYLES)
    raise GradcheckError(f"style={style!r} is not known: it is one of {known}")
