"""Gradients that nobody sets to zero, where ``.grad`` is all that a step can be held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.descent.moves.move import rounding_of
from gradcheck.descent.moves.weights import Array, Parameter, plain
from gradcheck.descent.torch_state import TorchState
from gradcheck.difference import norm
from gradcheck.state import seed_everything

__all__ = ["adding_up"]


def adding_up(step: Callable[[], Any], parameters: Mapping[str, Parameter], kept: TorchState, seed: int) -> list[str]:
    """The parameters in whose ``.grad`` a step that makes its own gradients adds to what stood there.

    Held against ``.grad`` itself such a step is always right; so it is made from none, and from what that left once
    more: twice as much stands there then.
    """
    first = _left_by(step, parameters, kept, seed, {})
    second = _left_by(step, parameters, kept, seed, first) if first else {}
    found = []
    for name, gradient in first.items():
        close = rounding_of(parameters[name].epsilon, gradient.size) * norm(gradient)
        if name in second and norm(second[name] - 2 * gradient) <= close < norm(gradient):
            found.append(name)
    return found


def _left_by(
    step: Callable[[], Any],
    parameters: Mapping[str, Parameter],
    kept: TorchState,
    seed: int,
    stood: Mapping[str, Array],
) -> dict[str, Array]:
    try:
        for name, p in parameters.items():
            p.original.grad = p.original.detach().new_tensor(stood[name]) if name in stood else None
        seed_everything(seed)
        step()
        return {n: plain(p.original.grad) for n, p in parameters.items() if p.original.grad is not None}
    except Exception:  # it needs the gradients that stood there: it makes none
        return {}
    finally:
        kept.restore()
