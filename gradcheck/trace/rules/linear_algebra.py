"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import one_axis
from gradcheck.trace.rules.convert import as_tensor, common, operands, refuse
from gradcheck.trace.rules.table import serves


@serves("numpy.matmul numpy.linalg.matmul")
def matmul(a: Any, b: Any, /) -> torch.Tensor:
    return torch.matmul(*operands(a, b))


@serves("numpy.dot")
def dot(a: Any, b: Any, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a, b = operands(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return torch.matmul(a, b)
    return torch.tensordot(a, b, dims=([a.ndim - 1], [b.ndim - 2]))


@serves("numpy.vdot")
def vdot(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return (a.conj().reshape(-1) * b.reshape(-1)).sum()


@serves("numpy.inner")
def inner(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return torch.tensordot(a, b, dims=([a.ndim - 1], [b.ndim - 1]))


@serves("numpy.outer numpy.linalg.outer")
def outer(a: Any, b: Any, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a, b = operands(a, b)
    return a.reshape(-1, 1) * b.reshape(1, -1)


@serves("numpy.multiply.outer")
def multiply_outer(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return a.reshape(*a.shape, *(1,) * b.ndim) * b


@serves("numpy.add.outer")
def add_outer(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return a.reshape(*a.shape, *(1,) * b.ndim) + b


@serves("numpy.subtract.outer")
def subtract_outer(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return a.reshape(*a.shape, *(1,) * b.ndim) - b


@serves("numpy.vecdot numpy.linalg.vecdot")
def vecdot(a: Any, b: Any, /, *, axis: int = -1) -> torch.Tensor:
    a, b = operands(a, b)
    return (a.movedim(axis, -1).conj() * b.movedim(axis, -1)).sum(-1)


@serves("numpy.matvec")
def matvec(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.matmul(a, b.unsqueeze(-1)).squeeze(-1)


@serves("numpy.vecmat")
def vecmat(a: Any, b: Any, /) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.matmul(a.conj().unsqueeze(-2), b).squeeze(-2)


@serves("numpy.tensordot numpy.linalg.tensordot")
def tensordot(a: Any, b: Any, /, axes: Any = 2) -> torch.Tensor:
    a, b = operands(a, b)
    if not np.iterable(axes):
        return torch.tensordot(a, b, dims=int(axes))
    left, right = (list(each) if np.iterable(each) else [each] for each in axes)
    return torch.tensordot(a, b, dims=([one_axis(n, a.ndim) for n in left], [one_axis(n, b.ndim) for n in right]))


@serves("numpy.kron")
def kron(a: Any, b: Any) -> torch.Tensor:
    return torch.kron(*operands(a, b))


@serves("numpy.cross")
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> torch.Tensor:
    a, b = operands(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    (a1, a2, a3), (b1, b2, b3) = _components(a, axisa), _components(b, axisb)
    third = a1 * b2 - a2 * b1
    if a.shape[axisa] == 2 and b.shape[axisb] == 2:
        return third
    product = torch.broadcast_tensors(a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, third)
    return torch.stack(product, axisc)


@serves("numpy.linalg.cross")
def linalg_cross(a: Any, b: Any, /, *, axis: int = -1) -> torch.Tensor:
    return cross(a, b, axis=axis)


@serves("numpy.linalg.multi_dot")
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    return torch.linalg.multi_dot(common(*arrays))


@serves("numpy.linalg.matrix_power")
def matrix_power(a: Any, n: int) -> torch.Tensor:
    return torch.linalg.matrix_power(as_tensor(a), int(n))


def _components(x: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    parts = torch.unbind(x, axis)
    return parts[0], parts[1], parts[2] if len(parts) == 3 else torch.zeros_like(parts[0])
