"""The numbers in a network that are learning rates by their names."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.layers.elsewhere import starts_of
from gradcheck.layers.reach import Path, arrays_of
from gradcheck.layers.spelling import is_rate_name

__all__ = ["rates_of"]


def rates_of(roots: Sequence[object]) -> dict[str, float]:
    """Every float attribute or item reachable from ``roots`` that is called like a learning rate, by its path."""
    functions = [root for root in roots if callable(root)]
    starts = [
        *(Path(root, ()) for root in roots if not callable(root) or hasattr(root, "__dict__")),
        *starts_of(*functions),
    ]
    return {
        path.text: value
        for path, value in arrays_of(*starts)
        if isinstance(value, float) and isinstance(path.keys[-1], str) and is_rate_name(path.keys[-1])
    }
