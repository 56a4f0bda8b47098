"""What is the same for calls of a Function that differ in values alone."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["kind_of"]


def kind_of(value: object) -> Any:
    """The kind of an argument: of a tensor shape, dtype, order of strides, whether it needs a gradient, what it masks.

    A first state that is zero, a mask that lets all or nothing through, and one with entries of -inf take other ways
    through a backward than numbers do. Numbers and texts are their own kind.
    """
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.dtype, value.requires_grad, _laid_out(value), _contents(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return type(value).__qualname__


def _laid_out(tensor: torch.Tensor) -> tuple[int, ...]:
    """Its axes, the one with the largest steps first; those of one entry or expanded ones have none."""
    if tensor.layout != torch.strided:
        return ()
    steps = [
        (-step, axis) for axis, (step, size) in enumerate(zip(tensor.stride(), tensor.shape, strict=True)) if size > 1
    ]
    return tuple(axis if step else -1 - axis for step, axis in sorted(steps))


def _contents(tensor: torch.Tensor) -> str:
    if not tensor.numel() or tensor.layout != torch.strided or tensor.is_meta:
        return ""
    given = tensor.detach()
    if not bool(given.any()):
        return "nothing"
    if tensor.dtype == torch.bool:
        return "all" if bool(given.all()) else "some"
    if tensor.is_floating_point() and not bool(torch.isfinite(given).all()):
        return "not finite"
    return ""
