"""Which of what user code gave shares memory with what it was given: a write into the one changes the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from gradcheck.witnesses.subject import Array

__all__ = ["aliases_of"]

_WORK = 10_000  # where bounds overlap: how long to look for a common element before the answer is no


def aliases_of(
    held: Mapping[str, Array],
    outputs: Sequence[Array],
    gradients: Mapping[str, object],
    upstreams: Sequence[Array],
) -> list[tuple[str, str]]:
    """Pairs that share memory: an output and an input, a gradient and an upstream gradient, two gradients.

    Args:
        held: inputs and parameters, by name.
        outputs: what the forward returned.
        gradients: what the backward gave, under the user's words for each.
        upstreams: what the backward was handed.
    """
    arrays = {name: value for name, value in gradients.items() if isinstance(value, np.ndarray)}
    found = [("the output", name) for name, array in held.items() if any(_share(array, o) for o in outputs)]
    found += [(n, "the upstream gradient") for n, g in arrays.items() if any(_share(g, u) for u in upstreams)]
    found += [(n, m) for (n, g), (m, h) in combinations(arrays.items(), 2) if _share(g, h)]
    return found


def _share(left: Array, right: Array) -> bool:
    if not np.may_share_memory(left, right):
        return False
    try:
        return np.shares_memory(left, right, max_work=_WORK)  # type: ignore[arg-type]  # any number of steps, not 0 and -1 alone
    except np.exceptions.TooHardError:
        return False
