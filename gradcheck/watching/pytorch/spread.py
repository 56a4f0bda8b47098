"""The entries of a tensor that its histogram is made of, taken when they are there and counted when the step ends."""

from __future__ import annotations

import torch

from gradcheck.health.spread import every_kth, histogram_of
from gradcheck.watched import Histogram, Spread
from gradcheck.watching.pytorch.stats import real_entries

__all__ = ["Taken"]


class Taken:
    """At most a few thousand entries of a tensor, copied on its own device."""

    def __init__(self, tensor: torch.Tensor, of: Spread) -> None:
        entries = real_entries(tensor)
        self._of, self._size = of, entries.numel()
        with torch.no_grad():
            self._entries = entries.reshape(-1)[:: every_kth(tuple(entries.shape))].clone()

    def histogram(self, scale: float = 1.0) -> Histogram | None:
        """Their histogram, of a loss's ``scale``; None where nothing is finite."""
        entries = self._entries.cpu().to(torch.float64)  # one after the other: some devices have no float64
        return histogram_of(entries.numpy(), self._of, self._size, scale)
