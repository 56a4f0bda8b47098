"""Elementwise functions where a local derivative is infinite or undefined.

``np.where(x > 0, np.log(x), 0)`` computes the logarithm of every entry and throws some away. The upstream gradient of
those is exactly zero, and so is the true derivative, but 0 · inf is NaN: the guarded function gives zero there.
"""

from __future__ import annotations

import cmath
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable

__all__ = ["guarded", "guarded_where", "has_zero"]

Function = Callable[..., torch.Tensor]


def guarded(function: Function, *inputs: torch.Tensor) -> torch.Tensor:
    """``function(*inputs)``, elementwise with broadcasting; derivative zero wherever the upstream gradient is zero.

    The slower guarded path is taken only where the result is not finite throughout, which a single sum tells.
    """
    result = function(*inputs)
    if not result.requires_grad or _finite(result):
        return result
    return _apply(function, inputs)


def guarded_where(singular: bool, function: Function, *inputs: torch.Tensor) -> torch.Tensor:
    """Like :func:`guarded`; ``singular`` says that a value is finite where the derivative is not."""
    result = function(*inputs)
    if not result.requires_grad or (not singular and _finite(result)):
        return result
    return _apply(function, inputs)


def has_zero(x: torch.Tensor) -> bool:
    """Whether an entry is zero."""
    return not bool(x.detach().all())


def _finite(result: torch.Tensor) -> bool:
    total = result.item() if result.numel() == 1 else result.detach().sum().item()
    # The sum may overflow though every entry is finite: that only takes the slower path.
    return cmath.isfinite(total)


def _apply(function: Function, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
    result: torch.Tensor = _Guarded.apply(function, *torch.broadcast_tensors(*inputs))  # type: ignore[no-untyped-call]  # torch leaves apply untyped
    return result


class _Guarded(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Function, *inputs: torch.Tensor) -> torch.Tensor:
        ctx.function = function
        ctx.save_for_backward(*inputs)
        return function(*inputs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        wanted = ctx.needs_input_grad[1:]
        inputs = [x.detach().requires_grad_(w) for x, w in zip(ctx.saved_tensors, wanted, strict=True)]
        with torch.enable_grad():
            result = ctx.function(*inputs)
            gradients = torch.autograd.grad(result, [x for x in inputs if x.requires_grad], upstream)
        found = iter(torch.where(upstream == 0, torch.zeros_like(gradient), gradient) for gradient in gradients)
        return (None, *(next(found) if w else None for w in wanted))
