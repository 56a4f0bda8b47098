"""Float arrays beside the parameters that nothing speaks of: named in a note, so that none is left out in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradcheck.layers.reach import Path
from gradcheck.layers.spelling import is_buffer_name
from gradcheck.layers.values import is_array, is_float_array

__all__ = ["left_out"]


def left_out(
    candidates: Sequence[tuple[Path, Any]], taken: Sequence[Any], reads: frozenset[str] | None = None
) -> list[str]:
    """Where there are arrays that are neither checked, nor commonly kept beside parameters (a running mean, a mask).

    Args:
        candidates: the arrays that a forward leaves in place.
        taken: variables and gradients; what shares memory with one is not left out.
        reads: the names in the forward's code, where only what it reads counts.
    """
    return [
        path.text
        for path, value in candidates
        if is_float_array(value)
        and (reads is None or not reads.isdisjoint(path.keys))
        and not is_buffer_name(path.keys[-1])
        and not any(is_array(other) and np.may_share_memory(value, other) for other in taken)
    ]
