"""How a loss takes its parameters: as arguments, or from wherever they are kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.descent.found import parameters_of
from gradcheck.descent.given import Given, given_params
from gradcheck.descent.landscape import Landscape
from gradcheck.descent.numpy_landscape import NumpyLandscape
from gradcheck.errors import GradcheckError
from gradcheck.layers import adapt_forward
from gradcheck.layers.calling import called, signature_of, user_code
from gradcheck.layers.problem import Problem
from gradcheck.layers.values import describe, is_tensor
from gradcheck.state import State

__all__ = ["checked_loss", "landscape_of"]


def checked_loss(loss: object) -> Callable[..., Any]:
    """``loss`` as a callable.

    Raises:
        GradcheckError: it is none.
    """
    if not callable(loss):
        raise GradcheckError(
            f"loss: it is {describe(loss)}; give a callable that returns the loss, as in lambda: net.loss(X, y)"
        )
    return loss


def landscape_of(loss: Callable[..., Any], params: object, seed: int, roots: tuple[object, ...] = ()) -> Landscape:
    """The loss as a function of ``params``.

    Args:
        loss: takes nothing and uses the parameters where they are kept, or takes them: ``loss(W, b)``,
            ``loss(params)``.
        params: arrays, tensors, or the object or module that holds them.
        seed: seeds the random generators before each evaluation.
        roots: what else is put back after each evaluation.

    Raises:
        GradcheckError: the loss cannot be called so, or does not depend on the parameters.
    """
    given = params if isinstance(params, Given) else given_params(params)
    arguments = _arguments(loss, given)
    if given.kind == "tensors":
        from gradcheck.descent.torch_landscape import TorchLandscape

        return TorchLandscape(lambda: loss(*arguments), given.arrays, (loss, given.whole, *roots), seed)
    if given.kind == "object" and not arguments:
        return _of_numpy(lambda: _from_object(loss, given.whole), seed)
    if arguments:
        return _of_numpy(lambda: adapt_forward(loss, arguments), seed)
    reachable = State(loss).arrays
    for name, value in given.arrays.items():
        if not any(value is other for other in reachable):
            raise GradcheckError(
                f"params: {name} is not an array that the loss uses: give the very object, not a copy of it"
                + _taking(loss)
            )
    return _of_numpy(lambda: adapt_forward(loss, (), params=given.arrays), seed)


def _of_numpy(problem: Callable[[], Problem], seed: int) -> NumpyLandscape:
    """The landscape; what is refused of a forward in general is said of a loss."""
    try:
        return NumpyLandscape(problem(), seed)
    except GradcheckError as error:
        what, _, _ = str(error).partition(": ")
        if what.startswith("the forward's output holds"):
            raise GradcheckError(
                "loss: it is NaN or infinite at these weights; give weights where it is finite"
            ) from error
        if what.startswith("the forward's output is "):
            gives = what.removeprefix("the forward's output is ")
            raise GradcheckError(f"loss: it gives {gives}; it must return one number, the loss") from error
        raise


def _taking(loss: Callable[..., Any]) -> str:
    return f", or a loss that takes it: lambda W: {called(loss) if called(loss) != '<lambda>' else 'loss'}(W, X, y)"


def _from_object(loss: Callable[..., Any], holder: Any) -> Any:
    with user_code("loss()"):
        paths = parameters_of(holder, loss, (loss,))
    arrays = {name: path.get() for name, path in paths.items()}
    reachable = State(loss).arrays
    used = {name: a for name, a in arrays.items() if any(a is other for other in reachable)}
    if not used:
        raise GradcheckError(
            f"params: the loss uses none of the arrays of {type(holder).__name__} ({', '.join(arrays)}); "
            "give a loss that is computed from this very object, as in lambda: net.loss(X, y)"
        )
    return adapt_forward(loss, (), params=used)


def _arguments(loss: Callable[..., Any], given: Given) -> tuple[Any, ...]:
    """What the loss is called with."""
    signature = signature_of(loss)
    if not signature.known or not signature.required:
        return ()
    whole, arrays = given.whole, given.arrays
    if isinstance(whole, Mapping) and signature.required == len(arrays) and all(signature.takes(n) for n in arrays):
        return tuple(arrays[n] for n in signature.names[: signature.required])
    if signature.required == 1:
        one_array = isinstance(whole, np.ndarray) or is_tensor(whole)
        if one_array or not isinstance(whole, list | tuple) or len(whole) != 1:
            return (whole,)
        return tuple(whole)
    if isinstance(whole, list | tuple) and signature.accepts(len(whole)):
        return tuple(whole)
    raise GradcheckError(
        f"loss: it takes {signature}, and params are {len(arrays) or 1}: give a loss of the parameters alone, as in "
        "lambda W: loss(W, X, y), or one without arguments"
    )
