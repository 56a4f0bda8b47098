"""Statistics of the gradient that leaves one layer and comes to the next: both ask for them, one after the other."""

from __future__ import annotations

import weakref

import torch

from gradcheck.health.sample import Stats
from gradcheck.watching.pytorch.stats import stats_of

__all__ = ["Latest"]


class Latest:
    """Measures a tensor, unless it is the one that was measured last and nothing has been written to it since."""

    def __init__(self) -> None:
        self._known: tuple[weakref.ref[torch.Tensor], int, Stats] | None = None

    def __call__(self, tensor: torch.Tensor) -> Stats:
        """Its statistics."""
        known = self._known
        if known is not None and known[0]() is tensor and known[1] == tensor._version:
            return known[2]
        found = stats_of(tensor)
        self._known = weakref.ref(tensor), tensor._version, found
        return found
