"""A call inside ``torch.vmap`` or ``torch.func``: what one sample of it gets, as plain tensors."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["one_sample"]

_functorch: Any = torch._C._functorch


def one_sample(args: tuple[Any, ...]) -> tuple[tuple[Any, ...], tuple[bool, ...]]:
    """The arguments of the first sample, outside of every transform, and which of them require a gradient.

    Each level of vmap wraps a tensor with a batch axis; each level of ``torch.func.grad`` wraps one that is to be
    differentiated. In their order, from the outermost in, the wrappers are taken off.
    """
    found = [_unwrapped(a) if isinstance(a, torch.Tensor) else (a, False) for a in args]
    return tuple(a for a, _ in found), tuple(needed for _, needed in found)


def _unwrapped(tensor: torch.Tensor) -> tuple[torch.Tensor, bool]:
    needed = tensor.requires_grad
    axes = []
    while _functorch.is_functorch_wrapped_tensor(tensor):
        if _functorch.is_gradtrackingtensor(tensor):
            needed = True
            tensor = _functorch.get_unwrapped(tensor)
            continue
        axes.append(_functorch.maybe_get_bdim(tensor))
        tensor = _functorch.get_unwrapped(tensor)
        needed = needed or tensor.requires_grad
    # the wrapper taken off last counts its axis among all that are there, those before it among what is left
    for axis in reversed(axes):
        tensor = tensor.select(axis, 0)
    return tensor.detach().clone(), needed and tensor.is_floating_point()
