"""Entries chosen by index or by condition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import one_axis
from gradcheck.trace.rules.convert import Operand, as_mask, as_tensor, common, numpy_value, refuse
from gradcheck.trace.rules.positions import gathered, positions, positions_of_all
from gradcheck.trace.rules.table import serves


@serves("numpy.take")
def take(a: Operand, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> torch.Tensor:
    refuse(out=out)
    a = as_tensor(a)
    if axis is None:
        a, axis = a.reshape(-1), 0
    axis = one_axis(axis, a.ndim)
    rows = np.take(np.arange(a.shape[axis]), numpy_value(indices), mode=mode)  # type: ignore[call-overload]  # mode is a str here
    chosen = torch.index_select(a, axis, torch.from_numpy(np.array(rows, dtype=np.int64).reshape(-1)))
    return chosen.reshape((*a.shape[:axis], *np.shape(rows), *a.shape[axis + 1 :]))


@serves("numpy.take_along_axis")
def take_along_axis(arr: Operand, indices: Any, axis: int | None = -1) -> torch.Tensor:
    arr = as_tensor(arr)
    return gathered(arr, np.take_along_axis(positions(arr.shape), numpy_value(indices), axis))


@serves("numpy.compress")
def compress(condition: Any, a: Operand, axis: int | None = None, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    return take(a, np.flatnonzero(numpy_value(condition)), axis)


@serves("numpy.extract")
def extract(condition: Any, arr: Operand) -> torch.Tensor:
    return take(arr, np.flatnonzero(numpy_value(condition)))


@serves("numpy.choose")
def choose(a: Operand, choices: Sequence[Operand] | torch.Tensor, out: Any = None, mode: str = "raise") -> torch.Tensor:
    refuse(out=out)
    flat, places = positions_of_all([choices[i] for i in range(len(choices))])
    return gathered(flat, np.choose(np.asarray(numpy_value(a)).astype(np.intp), places, mode=mode))  # type: ignore[call-overload]  # mode is a str here


@serves("numpy.select")
def select(condlist: Any, choicelist: Any, default: Any = 0) -> torch.Tensor:
    *choices, chosen = common(*choicelist, default)
    conditions = [as_mask(condition) for condition in condlist]
    # The first condition that holds wins, so it is applied last.
    for condition, choice in reversed(list(zip(conditions, choices, strict=True))):
        chosen = torch.where(condition, choice, chosen)
    return chosen.expand(np.broadcast_shapes(chosen.shape, *(each.shape for each in (*conditions, *choices))))


@serves("numpy.piecewise")
def piecewise(x: Operand, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> torch.Tensor:
    """Functions are called with tensors: plain arithmetic works, a NumPy function inside them does not."""
    x = as_tensor(x)
    conditions = np.asarray(numpy_value(condlist), dtype=bool)
    if conditions.ndim == x.ndim:
        conditions = conditions[None]
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~conditions.any(axis=0, keepdims=True)])
    result = torch.zeros_like(x)
    for condition, function in zip(conditions, funclist, strict=True):
        mask = torch.from_numpy(condition)
        if not condition.any():
            continue
        piece = function
        if callable(function):
            try:
                piece = function(x[mask], *args, **kw)
            except Exception as error:  # whatever the user's function makes of a tensor
                raise NotImplementedError("piecewise with a function that takes no tensor") from error
        piece = as_tensor(piece, x)
        result = result.masked_scatter(mask, piece.expand(int(condition.sum())))
    return result
