"""What kind of thing is it? Questions that also hold for the duck arrays of a trace, and words to name things by."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = [
    "describe",
    "is_array",
    "is_float_array",
    "is_number",
    "is_scalar",
    "is_tensor",
    "same_shape",
    "shape_of",
    "some_of",
]


def some_of(names: Sequence[str]) -> str:
    """``dW, db, dx``, or where there are more than four ``layers[0].dW, layers[0].db and 6 more``."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]}, {names[1]} and {len(names) - 2} more"


def is_array(value: object) -> bool:
    """An ndarray, or an object whose ``__class__`` says that it is one (a traced array)."""
    return isinstance(value, np.ndarray)


def is_float_array(value: Any) -> bool:
    """An array of real floating point numbers."""
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def is_number(value: object) -> bool:
    """A Python or NumPy number; a bool is none."""
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def is_scalar(value: Any) -> bool:
    """A number, or an array that holds one number."""
    return is_number(value) or (isinstance(value, np.ndarray) and value.size == 1)


def is_tensor(value: object) -> bool:
    """A torch tensor. PyTorch is not imported for the answer: who holds a tensor has imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def shape_of(value: Any) -> tuple[int, ...] | None:
    """The shape of an array, () for a number, None for anything else."""
    if isinstance(value, np.ndarray):
        return tuple(value.shape)
    return () if is_number(value) else None


def same_shape(left: object, right: object) -> bool:
    """Whether both are arrays or numbers of one shape."""
    return shape_of(left) is not None and shape_of(left) == shape_of(right)


def describe(value: Any) -> str:
    """``value`` in a few words: "an array of shape (3, 4), float64", "a dict with the keys 'W', 'b'"."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {tuple(value.shape)}, {value.dtype}"
    if value is None:
        return "None"
    if isinstance(value, dict):
        return "a dict with the keys " + ", ".join(repr(key) for key in value) if value else "an empty dict"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    if isinstance(value, bool | int | float | str):
        return f"the {type(value).__name__} {value!r}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"
