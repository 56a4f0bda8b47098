"""What of a model this process holds: of a tensor that is spread over several processes, its part."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["class_name", "local", "undistributed"]


def local(tensor: torch.Tensor) -> torch.Tensor:
    """The part of a ``DTensor`` that is here; any other tensor itself.

    PyTorch computes with the whole ``DTensor``: to ask one for a number has all processes talk to each other, and
    whoever asks alone waits for ever. Not ``to_local()``, which is an operation that autograd records.
    """
    part: torch.Tensor = tensor if type(tensor) is torch.Tensor else getattr(tensor, "_local_tensor", tensor)
    return part


def class_name(module: nn.Module) -> str:
    """The name of the module's class as it was written: ``fully_shard`` makes an ``FSDPNet`` of a ``Net``."""
    kind = type(module)
    made = len(kind.__bases__) == 2 and kind.__bases__[0].__name__ == "FSDPModule"
    return (kind.__bases__[1] if made else kind).__name__


def undistributed(model: nn.Module) -> nn.Module:
    """The model that ``DistributedDataParallel`` stands around; any other model itself."""
    return model.module if isinstance(model, nn.parallel.DistributedDataParallel) else model
