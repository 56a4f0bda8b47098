"""The time steps of a recurrent layer that PyTorch computes in one call (``nn.RNN``, ``nn.LSTM``, ``nn.GRU``)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from gradcheck.watching.pytorch.gates import unseen_gates

__all__ = ["OverTime", "inside", "over_time"]

_LEAST = 3  # steps: the first begins at a hidden state of 0


@dataclass(frozen=True)
class OverTime:
    """How many time steps a call had, and the root mean square of the outputs at the first and the last of them."""

    steps: int
    first: float
    last: float


def over_time(module: nn.Module | None, output: torch.Tensor) -> OverTime | None:
    """Of the output steps × batch × units, or batch × steps × units; of both directions, the forward one.

    A packed sequence has no such shape, and nor has a single one without a batch.
    """
    if not isinstance(module, nn.RNNBase) or output.dim() != 3:
        return None
    axis = 1 if module.batch_first else 0
    steps = output.shape[axis]
    if steps < _LEAST or not output.numel():
        return None
    units = output.shape[2] // (2 if module.bidirectional else 1)
    ends = (output.detach().select(axis, at)[:, :units].float() for at in (0, steps - 1))
    first, last = (torch.linalg.vector_norm(end).item() / math.sqrt(max(end.numel(), 1)) for end in ends)
    return OverTime(steps, first, last)


def inside(module: nn.Module, name: str) -> str:
    """What of such a layer is not seen; empty for any other."""
    if not isinstance(module, nn.RNNBase):
        return ""
    gates = unseen_gates(module, name)
    looked = "its outputs over time" if gates or module.mode == "RNN_RELU" else "its outputs over time and its gates"
    return (
        f"{name} ({type(module).__name__}) is one operation of PyTorch's: {looked} were looked at, "
        f"the gradients from time step to time step were not{f'; {gates}' if gates else ''}"
    )
