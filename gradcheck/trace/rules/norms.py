"""Norms of vectors and matrices."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes, restored
from gradcheck.trace.rules.convert import Operand, as_tensor
from gradcheck.trace.rules.moments import root
from gradcheck.trace.rules.table import serves


@serves("numpy.linalg.norm scipy.linalg.norm")
def norm(x: Operand, ord: Any = None, axis: Axis = None, keepdims: bool = False, **more: Any) -> torch.Tensor:
    if more.keys() - {"check_finite"}:
        raise NotImplementedError(f"norm with {sorted(more)}")
    x = as_tensor(x)
    if axis is None and ord is None:
        found = _vector(x.reshape(-1), 2, (0,), False)
        return found.reshape((1,) * x.ndim) if keepdims else found
    axes = all_axes(axis, x.ndim)
    if len(axes) == 1:
        return _vector(x, 2 if ord is None else ord, axes, keepdims)
    return _matrix(x, "fro" if ord is None else ord, axes, keepdims)


@serves("numpy.linalg.vector_norm")
def vector_norm(x: Operand, /, *, axis: Axis = None, keepdims: bool = False, ord: Any = 2) -> torch.Tensor:
    x = as_tensor(x)
    return _vector(x, ord, all_axes(axis, x.ndim), keepdims)


@serves("numpy.linalg.matrix_norm")
def matrix_norm(x: Operand, /, *, keepdims: bool = False, ord: Any = "fro") -> torch.Tensor:
    x = as_tensor(x)
    return _matrix(x, ord, (x.ndim - 2, x.ndim - 1), keepdims)


def _vector(x: torch.Tensor, order: Any, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    if isinstance(order, str):
        raise NotImplementedError(f"a vector norm of order {order!r}")
    # torch's gradient is zero at the tip of the cone, where it is a subgradient
    found: torch.Tensor = torch.linalg.vector_norm(x, float(order), axes, keepdim=keepdims) if axes else torch.abs(x)
    return found


def _matrix(x: torch.Tensor, order: Any, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    if order in ("fro", "f"):
        return restored(root((x * x.conj()).real.sum(axes) if x.is_complex() else (x * x).sum(axes)), axes, keepdims)
    if order in ("nuc", 2, -2):
        # Through the singular values: their sum has the subgradient U Vᵀ where the matrix loses rank as well.
        values = torch.linalg.svdvals(x.movedim(axes, (-2, -1)))
        found = values.sum(-1) if order == "nuc" else values.amax(-1) if order == 2 else values.amin(-1)
        return restored(found, axes, keepdims)
    size: torch.Tensor = torch.linalg.matrix_norm(x, float(order), axes, keepdim=keepdims)
    return size
