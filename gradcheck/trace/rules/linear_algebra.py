"""Products of vectors, matrices and tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import one_axis
from gradcheck.trace.rules.convert import Operand, as_tensor, broadcast, common, operands, refuse
from gradcheck.trace.rules.table import serves


@serves("numpy.matmul numpy.linalg.matmul")
def matmul(a: Operand, b: Operand, /) -> torch.Tensor:
    return torch.matmul(*operands(a, b))


@serves("numpy.dot")
def dot(a: Operand, b: Operand, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a, b = operands(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    if b.ndim <= 2:
        return torch.matmul(a, b)
    return _contracted(a, b, [a.ndim - 1], [b.ndim - 2])


@serves("numpy.vdot")
def vdot(a: Operand, b: Operand, /) -> torch.Tensor:
    a, b = operands(a, b)
    return (a.conj().reshape(-1) * b.reshape(-1)).sum()


@serves("numpy.inner")
def inner(a: Operand, b: Operand, /) -> torch.Tensor:
    a, b = operands(a, b)
    if a.ndim == 0 or b.ndim == 0:
        return a * b
    return _contracted(a, b, [a.ndim - 1], [b.ndim - 1])


@serves("numpy.outer numpy.linalg.outer")
def outer(a: Operand, b: Operand, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    a, b = operands(a, b)
    return a.reshape(-1, 1) * b.reshape(1, -1)


@serves("numpy.vecdot numpy.linalg.vecdot")
def vecdot(a: Operand, b: Operand, /, *, axis: int = -1) -> torch.Tensor:
    a, b = operands(a, b)
    return (a.movedim(axis, -1).conj() * b.movedim(axis, -1)).sum(-1)


@serves("numpy.matvec")
def matvec(a: Operand, b: Operand, /) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.matmul(a, b.unsqueeze(-1)).squeeze(-1)


@serves("numpy.vecmat")
def vecmat(a: Operand, b: Operand, /) -> torch.Tensor:
    a, b = operands(a, b)
    return torch.matmul(a.conj().unsqueeze(-2), b).squeeze(-2)


@serves("numpy.tensordot numpy.linalg.tensordot")
def tensordot(a: Operand, b: Operand, /, axes: Any = 2) -> torch.Tensor:
    a, b = operands(a, b)
    if not np.iterable(axes):
        return _contracted(a, b, list(range(a.ndim - axes, a.ndim)), list(range(axes)))
    left, right = (list(each) if np.iterable(each) else [each] for each in axes)
    return _contracted(a, b, [one_axis(n, a.ndim) for n in left], [one_axis(n, b.ndim) for n in right])


@serves("numpy.kron")
def kron(a: Operand, b: Operand) -> torch.Tensor:
    return torch.kron(*operands(a, b))


@serves("numpy.cross")
def cross(
    a: Operand, b: Operand, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> torch.Tensor:
    a, b = operands(a, b)
    if axis is not None:
        axisa = axisb = axisc = axis
    (a1, a2, a3), (b1, b2, b3) = _components(a, axisa), _components(b, axisb)
    third = a1 * b2 - a2 * b1
    if a.shape[axisa] == 2 and b.shape[axisb] == 2:
        return third
    product = broadcast(a2 * b3 - a3 * b2, a3 * b1 - a1 * b3, third)
    return torch.stack(product, axisc)


@serves("numpy.linalg.cross")
def linalg_cross(a: Operand, b: Operand, /, *, axis: int = -1) -> torch.Tensor:
    return cross(a, b, axis=axis)


@serves("numpy.linalg.multi_dot")
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    product: torch.Tensor = torch.linalg.multi_dot(common(*arrays))
    return product


@serves("numpy.linalg.matrix_power")
def matrix_power(a: Operand, n: int) -> torch.Tensor:
    product: torch.Tensor = torch.linalg.matrix_power(as_tensor(a), int(n))
    return product


def _contracted(a: torch.Tensor, b: torch.Tensor, left: list[int], right: list[int]) -> torch.Tensor:
    product: torch.Tensor = torch.tensordot(a, b, dims=(left, right))
    return product


def _components(x: torch.Tensor, axis: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    parts = torch.unbind(x, axis)
    return parts[0], parts[1], parts[2] if len(parts) == 3 else torch.zeros_like(parts[0])
