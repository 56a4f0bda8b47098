"""Entries in order."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, numpy_value
from gradcheck.trace.rules.positions import gathered, positions
from gradcheck.trace.rules.table import serves


@serves("numpy.sort")
def sort(a: Operand, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None) -> torch.Tensor:  # noqa: ARG001  # which algorithm changes no value
    if order is not None:
        raise NotImplementedError("sorting by a field")
    a = as_tensor(a)
    return torch.sort(a.reshape(-1) if axis is None else a, dim=-1 if axis is None else axis, stable=True).values


@serves("numpy.partition")
def partition(
    a: Operand, kth: Any, axis: int | None = -1, kind: Any = "introselect", order: Any = None
) -> torch.Tensor:
    """Within its parts NumPy leaves an order of its own, so NumPy says where the entries go."""
    if order is not None:
        raise NotImplementedError("partitioning by a field")
    a = as_tensor(a)
    a, axis = (a.reshape(-1), -1) if axis is None else (a, axis)
    value = numpy_value(a)
    where = np.argpartition(value, kth, axis=axis, kind=kind)
    return gathered(a, np.take_along_axis(positions(a.shape), where, axis))
