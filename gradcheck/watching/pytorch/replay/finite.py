"""Whether a tensor is finite, cheaply."""

from __future__ import annotations

import math

import torch

__all__ = ["is_finite", "stored"]


def is_finite(tensor: torch.Tensor) -> bool:
    """Whether no entry is NaN or infinite. The sum tells it unless it overflows itself."""
    if not (tensor.is_floating_point() or tensor.is_complex()) or tensor.numel() == 0:
        return True
    tensor = stored(tensor.detach())
    if tensor.numel() == 1 and tensor.is_floating_point():
        return math.isfinite(tensor.item())
    if tensor.is_complex():
        tensor = torch.view_as_real(tensor.resolve_conj())
    if tensor.element_size() == 1:
        tensor = tensor.float()  # the eight-bit kinds cannot be summed
    if math.isfinite(tensor.sum().item()):
        return True
    return bool(torch.isfinite(tensor).all())


def stored(tensor: torch.Tensor) -> torch.Tensor:
    """The entries that a sparse tensor holds; any other tensor itself."""
    return tensor._values() if tensor.is_sparse else tensor
