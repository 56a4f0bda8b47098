"""How a whole network with one big backward is handed over, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.calling import signature_of
from gradcheck.layers.network_problem import Network
from gradcheck.layers.problem import Problem
from gradcheck.layers.request import check_array, checked_names
from gradcheck.layers.update import Update
from gradcheck.layers.values import describe, is_array, is_tensor
from gradcheck.layers.widened import widening

__all__ = ["adapt_network"]


def adapt_network(
    net: object,
    loss: object,
    gradients: object = None,
    params: object = None,
    *,
    wrt: Sequence[str] | None = None,
    constants: Sequence[str] = (),
    name: str | None = None,
) -> Problem:
    """Turn a network with one big backward into a :class:`Problem`.

    Args:
        net: the object (or dict, or list) that holds the parameters; None where ``params`` names them all.
        loss: a callable without arguments that runs the forward; returns the loss, or (loss, ...).
        gradients: a callable without arguments that runs the backward; returns a dict, or a list or tuple in the order
            of the parameters, or None when it writes attributes; or a marker of :func:`from_update`; or None when
            ``loss`` returns (loss, gradients), or writes the gradients itself.
        params: the parameters by name, or a list of them, where they are not found by themselves.

    Raises:
        GradcheckError: the call makes no sense, or gradients and parameters could not be matched.
    """
    if not callable(loss):
        raise GradcheckError(
            f"loss is {describe(loss)}: give a callable without arguments, as in loss=lambda: net.loss(X, y)"
        )
    for label, function in (("loss", loss), ("gradients", gradients)):
        if callable(function) and signature_of(function).required:
            raise GradcheckError(
                f"{label} takes arguments {signature_of(function)}: give a callable without any, "
                f"as in {label}=lambda: net.{label if label == 'loss' else 'backward'}(X, y)"
            )
    if gradients is not None and not callable(gradients) and not isinstance(gradients, Update):
        raise GradcheckError(
            f"gradients is {describe(gradients)}: give a callable without arguments, as in "
            f"gradients=lambda: net.backward(X, y), or gradcheck.from_update(lambda: net.train_step(X, y), lr=0.01)"
        )
    if net is None and params is None:
        raise GradcheckError('the network is None: give the object that holds the parameters, or params={"W1": W1}')
    asked = None if wrt is None else checked_names(wrt, "wrt")
    with widening(net, loss, gradients, params) as hold:
        return hold(Network(net, loss, gradients, _named(params), asked, checked_names(constants, "constants"), name))


def _named(params: object) -> dict[str, Any] | None:
    if params is None:
        return None
    if isinstance(params, Mapping):
        items = {str(key): value for key, value in params.items()}
    elif isinstance(params, list | tuple):
        items = {f"params[{i}]": value for i, value in enumerate(params)}
    else:
        raise GradcheckError(f'params is {describe(params)}: give a dict of arrays by name, params={{"W1": net.W1}}')
    for name, value in items.items():
        if not is_array(value) or is_tensor(value):
            raise GradcheckError(f"params: {name} is {describe(value)}: give the very array that the network uses")
        check_array(f"params: {name}", value, integers=False)
    if not items:
        raise GradcheckError("params is empty: name at least one array, or leave it out")
    return items
