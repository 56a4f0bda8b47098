"""What a step is to move."""

from __future__ import annotations

import types
from dataclasses import replace
from typing import Any

from gradcheck.descent.given import Given, given_params
from gradcheck.descent.torch_state import TorchState
from gradcheck.errors import GradcheckError

__all__ = ["what_moves"]


def what_moves(params: object, step: object, kept: TorchState) -> Given:
    """As it was given as ``params``, or what the step belongs to.

    Raises:
        GradcheckError: nothing was given, and nothing is known.
    """
    if params is not None:
        return given_params(params)
    owner = step.__self__ if isinstance(step, types.MethodType) else None
    if kept.optimizers:
        found = next((o for o in kept.optimizers if o is owner), kept.optimizers[0])
        held = given_params(found)
        names = {id(p): n for n, p in _names_in_modules(kept)}
        if all(id(p) in names for p in held.arrays.values()):
            return replace(held, arrays={names[id(p)]: p for p in held.arrays.values()})
        return held
    if owner is not None:
        return given_params(owner)
    raise GradcheckError(
        'params: say what the step is to move: the object or module that holds the weights, or params={"W": W, "b": b}'
    )


def _names_in_modules(kept: TorchState) -> list[tuple[str, Any]]:
    import torch

    modules = [v for v in (slot.get() for slot in kept.state.slots) if isinstance(v, torch.nn.Module)]
    return [pair for module in reversed(modules) for pair in module.named_parameters()]
