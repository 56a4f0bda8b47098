"""Weights held as Python lists of numbers cannot be followed: said, with the remedy, and never left out in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gradcheck.errors import GradcheckError
from gradcheck.layers.reach import Path, nodes_of
from gradcheck.layers.spelling import looks_like_parameter
from gradcheck.layers.values import is_number

__all__ = ["refuse_lists"]


def refuse_lists(starts: Sequence[Path], subject: str) -> None:
    """Raise :class:`GradcheckError` where something called like a weight is a list of floats.

    Args:
        starts: where to look.
        subject: whose weights they are, for the message.
    """
    for path, value in nodes_of(*starts):
        words = path.words()
        if not isinstance(value, list) or not words or not _floats(value):
            continue
        holder = str(path.keys[0]).strip("_").lower()
        if looks_like_parameter(words[-1]) or holder in ("params", "parameters", "weights", "biases"):
            raise GradcheckError(
                f"{path.text} of {subject} is a Python list of numbers: gradients are taken of NumPy arrays only; "
                f"make it one, {path.text} = np.array({path.text}), and write the forward and backward for arrays"
            )


def _floats(value: Any) -> bool:
    """Nested lists of numbers, at least one of them a float."""
    leaves = _leaves(value)
    return bool(leaves) and all(map(is_number, leaves)) and any(isinstance(leaf, float) for leaf in leaves)


def _leaves(value: Any) -> list[Any]:
    return [leaf for item in value for leaf in _leaves(item)] if isinstance(value, list | tuple) else [value]
