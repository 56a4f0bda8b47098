"""The ordered list of calling styles, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.alone import Given
from gradcheck.layers.backprop import ValueAndBackprop
from gradcheck.layers.layer import Layer
from gradcheck.layers.objects import Object, not_a_layer
from gradcheck.layers.pair import Pair
from gradcheck.layers.problem import Problem
from gradcheck.layers.request import Request
from gradcheck.layers.torch_subject import TorchSubject, torch_subject
from gradcheck.layers.value_and_gradient import ValueAndGradient

__all__ = ["STYLES", "TorchSubject", "adapt", "adapt_forward"]

_STYLES: tuple[type[Layer], ...] = (Given, Object, Pair, ValueAndBackprop, ValueAndGradient)

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
) -> Problem | TorchSubject:
    """Turn the positional arguments of ``check_layer`` into a :class:`Problem`.

    Args:
        subject: callables or an object first, then the forward's arguments.
        style: one of :data:`STYLES`, where two fit.
        kwargs: passed to the forward by name, and to the backward where it takes these names.
        params: arrays that the forward uses from elsewhere (globals, closures), by name.
        constants: names of float inputs that have no gradient.
        wrt: names to check; all by default.
        gradients: a dict of gradients at hand (no backward is called), or the names of the inputs in the order in
            which the backward returns their gradients.
        name: how the report calls it.

    Raises:
        GradcheckError: the call makes no sense; the text names the argument and says what would be right.
    """
    torch = torch_subject(subject)
    if torch is not None:
        return torch
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
    if style is not None:
        return _named(style)(request)  # type: ignore[call-arg]  # every style in the list takes the request alone
    fitting = [candidate for candidate in _STYLES if _matches(candidate, request)]
    if not fitting:
        raise not_a_layer(request)
    if len(fitting) > 1:
        raise GradcheckError(
            "two styles fit this call: "
            + " and ".join(f'style="{candidate.key}"' for candidate in fitting)
            + "; say which"
        )
    return fitting[0](request)  # type: ignore[call-arg]  # as above


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
    request = Request.of((forward, *inputs), kwargs=kwargs, params=params, constants=constants, wrt=wrt)
    return Given(request, truth_only=True)


def _matches(style: Any, request: Request) -> bool:
    return bool(style.matches(request))


def _named(style: object) -> type[Layer]:
    if isinstance(style, str):
        wanted = style.replace("_", " ").replace("-", " ").lower().strip()
        for candidate in _STYLES:
            if candidate.key == wanted:
                return candidate
    known = ", ".join(repr(key) for key in STYLES)
    raise GradcheckError(f"style={style!r} is not known: it is one of {known}")
