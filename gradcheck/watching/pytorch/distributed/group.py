"""Which processes train a model together, and what each of them has of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import distributed, nn

__all__ = ["Group", "copies_of", "group_of"]


@dataclass(frozen=True)
class Group:
    """The processes over which the gradients of a model are averaged, by their ranks in the whole job.

    ``first`` is the one that reports; ``own`` is this one.
    """

    kind: Literal["DDP", "FSDP2"]
    ranks: tuple[int, ...]
    own: int

    @property
    def first(self) -> int:
        """The rank that reports."""
        return self.ranks[0]

    @property
    def leads(self) -> bool:
        """Whether this process is the one that reports."""
        return self.own == self.first


def group_of(model: nn.Module) -> Group | None:
    """The group that trains ``model``; None where this process trains it alone, whatever else it is part of."""
    if not distributed.is_available() or not distributed.is_initialized():
        return None
    own = distributed.get_rank()
    for module in model.modules():
        if isinstance(module, nn.parallel.DistributedDataParallel):
            ranks = tuple(sorted(distributed.get_process_group_ranks(module.process_group)))
            return Group("DDP", ranks, own) if len(ranks) > 1 and own in ranks else None
    for module in model.modules():
        if not any(base.__name__ == "FSDPModule" for base in type(module).__mro__):
            continue
        for parameter in module.parameters():
            mesh = getattr(parameter, "device_mesh", None)
            if mesh is not None:
                ranks = tuple(sorted(int(rank) for rank in mesh.mesh.flatten().tolist()))
                return Group("FSDP2", ranks, own) if len(ranks) > 1 and own in ranks else None
    return None


def copies_of(parameter: torch.Tensor) -> int:
    """How many processes hold the same part of a parameter; 0: each of them has all of it."""
    placements, mesh = getattr(parameter, "placements", None), getattr(parameter, "device_mesh", None)
    if placements is None or mesh is None:
        return 0
    copies = 1
    for dimension, placement in enumerate(placements):
        if not placement.is_shard():
            copies *= int(mesh.size(dimension))
    return copies
