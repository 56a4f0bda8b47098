"""A Function whose output is infinite on purpose, a mask before a softmax: seen at its finite entries alone."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["at_finite_entries", "masked_entries"]


def masked_entries(
    outputs: Sequence[torch.Tensor], upstreams: Sequence[torch.Tensor | None]
) -> list[torch.Tensor] | None:
    """Where the outputs are infinite and the model hands back zeros for it; None where they are finite, or it does not.

    Args:
        outputs: those that have a gradient.
        upstreams: what the engine handed back for each, in the running model.
    """
    found = [torch.isinf(o.detach()) for o in outputs]
    if not any(bool(where.any()) for where in found) or len(upstreams) != len(found):
        return None
    for output, where, upstream in zip(outputs, found, upstreams, strict=True):
        if bool(torch.isnan(output.detach()).any()):
            return None
        if bool(where.any()) and (upstream is None or bool(upstream[where].ne(0).any())):
            return None
    return found


def at_finite_entries(function: Any) -> Any:
    """The same Function with zeros in the place of what is infinite in its outputs: they have no derivative."""

    @functools.wraps(function.forward)
    def forward(*args: Any) -> Any:
        made = function.forward(*args)
        return tuple(map(_finite, made)) if isinstance(made, tuple) else _finite(made)

    names = {"forward": staticmethod(forward), "__module__": function.__module__}
    made = type(function.__name__, (function,), names)
    made.__qualname__ = function.__qualname__
    return made


def _finite(output: Any) -> Any:
    if not isinstance(output, torch.Tensor) or not output.is_floating_point():
        return output
    return torch.where(torch.isinf(output), torch.zeros_like(output), output)
