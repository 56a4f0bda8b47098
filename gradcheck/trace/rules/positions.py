"""Functions that only move entries about, served by NumPy itself.

Such a function is called on an array of *positions* (0, 1, 2, ...) in place of the values; what comes back says which
entry goes where, and the tensor's entries are gathered accordingly. Every keyword and corner case is then NumPy's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import as_tensor, common, numpy_value
from gradcheck.trace.rules.table import Rule

__all__ = ["gathered", "moves", "positions", "positions_of_all"]


def positions(shape: Sequence[int], start: int = 0) -> np.ndarray[Any, np.dtype[np.int64]]:
    """``start``, ``start + 1``, ... in an array of the given shape."""
    return np.arange(start, start + math.prod(shape), dtype=np.int64).reshape(tuple(shape))


def gathered(x: torch.Tensor, where: Any) -> torch.Tensor:
    """The entries of ``x``, flattened, at the integer positions ``where``; gradients of entries taken twice add up."""
    index = torch.from_numpy(np.array(where, dtype=np.int64, order="C", copy=True))
    return x.reshape(-1)[index.reshape(-1)].reshape(index.shape)


def positions_of_all(xs: Sequence[Any]) -> tuple[torch.Tensor, list[np.ndarray[Any, np.dtype[np.int64]]]]:
    """All entries of several operands in one flat tensor, and for each operand the array of its positions there."""
    tensors = common(*xs)
    arrays = []
    start = 0
    for tensor in tensors:
        arrays.append(positions(tensor.shape, start))
        start += tensor.numel()
    return torch.cat([tensor.reshape(-1) for tensor in tensors]), arrays


def moves(function: Callable[..., Any]) -> Rule:
    """The rule of a NumPy function whose result has only entries of its first argument, moved, repeated or left out."""

    def rule(a: Any, *args: Any, **kwargs: Any) -> Any:
        a = as_tensor(a)
        found = function(
            positions(a.shape),
            *(numpy_value(arg) for arg in args),
            **{name: numpy_value(value) for name, value in kwargs.items()},
        )
        if isinstance(found, (list, tuple)):
            return type(found)(gathered(a, each) for each in found)
        return gathered(a, found)

    return rule
