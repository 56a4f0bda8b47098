"""How many samples a loss is computed from, as far as the arrays that it uses tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gradcheck.state import State

__all__ = ["batch_among"]


def batch_among(function: object, parameters: Mapping[str, tuple[int, ...]]) -> tuple[str, int] | None:
    """("the batch", 32) where two arrays or more that are no parameters have this first axis; None where none do."""
    state = State(function)
    shapes = [tuple(a.shape) for a in (*state.arrays, *state.tensors)]
    own = list(parameters.values())
    firsts = Counter(shape[0] for shape in shapes if shape and shape not in own and shape[0] > 1)
    common = firsts.most_common(1)
    return ("the batch", common[0][0]) if common and common[0][1] > 1 else None
