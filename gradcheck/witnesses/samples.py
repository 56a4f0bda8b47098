"""The samples of a batch: which arrays have them, and the same call with other ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.layers.problem import Variable
from gradcheck.layers.spelling import looks_like_parameter
from gradcheck.witnesses.subject import Array, Values

__all__ = ["Samples", "samples_of"]


@dataclass(frozen=True)
class Samples:
    """``count`` samples along the first axis of the arrays ``names``, and of every output unless it is one number."""

    count: int
    names: tuple[str, ...]
    follow: bool
    """Whether the outputs have an entry for each sample; otherwise they are one number, a loss."""
    held: Values
    """The arrays with samples, integer ones too."""

    def values(self, values: Values, index: Sequence[int]) -> dict[str, Array]:
        """``values`` with the samples ``index`` in place of these."""
        return dict(values) | {n: np.take(values.get(n, self.held[n]), index, axis=0) for n in self.names}

    def upstreams(self, upstreams: Sequence[Array], index: Sequence[int]) -> list[Array]:
        """The upstream gradients of those samples."""
        return [np.take(u, index, axis=0) if self.follow else u for u in upstreams]


def samples_of(variables: Sequence[Variable], values: Values, outputs: Sequence[Array]) -> Samples | None:
    """The batch that the first input is, if the outputs have as many rows or are one number; None otherwise.

    Arrays named as weights are none of it, though they may be arguments as well.
    """
    inputs = {
        v.name: values.get(v.name, v.array)
        for v in variables
        if v.role == "input" and not v.slots and v.array.ndim and not looks_like_parameter(v.name.rpartition(".")[2])
    }
    data = next((a for a in inputs.values() if a.ndim >= 2 and a.dtype.kind == "f"), None)
    if data is None or not outputs:
        return None
    count = data.shape[0]
    follow = all(o.ndim and o.shape[0] == count for o in outputs)
    if not follow and any(o.size != 1 for o in outputs):
        return None
    held = {n: a for n, a in inputs.items() if a.shape[0] == count}
    return Samples(count, tuple(held), follow, held)
