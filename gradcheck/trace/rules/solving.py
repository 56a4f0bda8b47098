"""Inverses, determinants and linear systems."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from gradcheck.trace.rules.convert import Operand, as_tensor, given, numpy_value, operands, refuse
from gradcheck.trace.rules.norms import norm
from gradcheck.trace.rules.table import serves


@serves("numpy.linalg.inv")
def inv(a: Operand) -> torch.Tensor:
    found: torch.Tensor = torch.linalg.inv(as_tensor(a))
    return found


@serves("numpy.linalg.pinv")
def pinv(a: Operand, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> torch.Tensor:
    a = as_tensor(a)
    # By default singular values below max(rows, columns)·ε of the largest are taken for zero.
    cut = next((c for c in (rcond, given(rtol, None)) if c is not None), max(a.shape[-2:]) * torch.finfo(a.dtype).eps)
    found: torch.Tensor = torch.linalg.pinv(a, rtol=float(cut), hermitian=hermitian)
    return found


@serves("numpy.linalg.det")
def det(a: Operand) -> torch.Tensor:
    a = as_tensor(a)
    found: torch.Tensor = torch.linalg.det(a) if a.is_complex() else _Determinant.apply(a)  # type: ignore[no-untyped-call]  # untyped in torch
    return found


class _Determinant(torch.autograd.Function):
    """The gradient is the matrix of cofactors, which exists for singular matrices too (det · A⁻ᵀ does not)."""

    @staticmethod
    def forward(ctx: Any, a: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(a)
        found: torch.Tensor = torch.linalg.det(a)
        return found

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> torch.Tensor:
        left, values, right = torch.linalg.svd(ctx.saved_tensors[0])
        # With A = U S Vᵀ the cofactors are det(U) det(V) U diag(the product of all other singular values) Vᵀ.
        count = values.shape[-1]
        others = values.unsqueeze(-2).expand((*values.shape, count))
        others = torch.where(torch.eye(count, dtype=torch.bool), torch.ones_like(others), others).prod(-1)
        turn: torch.Tensor = upstream * torch.linalg.det(left) * torch.linalg.det(right)
        cofactors: torch.Tensor = (left * others.unsqueeze(-2)) @ right
        return turn[..., None, None] * cofactors


@serves("numpy.linalg.slogdet")
def slogdet(a: Operand) -> tuple[torch.Tensor, torch.Tensor]:
    sign, logarithm = torch.linalg.slogdet(as_tensor(a))
    return sign, logarithm


@serves("numpy.linalg.solve")
def solve(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    # Only a one-dimensional b is a vector (torch takes a stack of vectors for one as well).
    if b.ndim == 1:
        return torch.linalg.solve(a, b.unsqueeze(-1)).squeeze(-1)  # type: ignore[no-any-return]  # untyped in torch
    found: torch.Tensor = torch.linalg.solve(a, b.expand((*a.shape[:-2], *b.shape[-2:])) if b.ndim < a.ndim else b)
    return found


@serves("numpy.linalg.lstsq")
def lstsq(a: Operand, b: Operand, rcond: Any = None) -> tuple[torch.Tensor, torch.Tensor, int, torch.Tensor]:
    a, b = operands(a, b)
    value = numpy_value(a)
    _, residuals, rank, _ = np.linalg.lstsq(value, numpy_value(b), rcond=rcond)
    eps = float(torch.finfo(a.dtype).eps)
    cut = eps * max(a.shape) if rcond is None else eps if rcond == -1 else float(rcond)
    solution = torch.matmul(torch.linalg.pinv(a, rtol=cut), b)
    left = b - torch.matmul(a, solution)
    squares = (left * left).sum(0).reshape(-1)
    return solution, squares if residuals.size else squares[:0], int(rank), torch.linalg.svdvals(a)


@serves("numpy.linalg.tensorinv")
def tensorinv(a: Operand, ind: int = 2) -> torch.Tensor:
    a = as_tensor(a)
    rows = int(np.prod(a.shape[:ind]))
    return inv(a.reshape(rows, -1)).reshape((*a.shape[ind:], *a.shape[:ind]))


@serves("numpy.linalg.tensorsolve")
def tensorsolve(a: Operand, b: Operand, axes: Any = None) -> torch.Tensor:
    refuse(axes=axes)
    a, b = operands(a, b)
    return solve(a.reshape(b.numel(), -1), b.reshape(-1)).reshape(a.shape[b.ndim :])


@serves("numpy.linalg.cond")
def cond(x: Operand, p: Any = None) -> torch.Tensor:
    x = as_tensor(x)
    if p in (None, 2, -2):
        values = torch.linalg.svdvals(x)
        ratio: torch.Tensor = values[..., 0] / values[..., -1]
        return 1 / ratio if p == -2 else ratio
    return norm(x, p, (-2, -1)) * norm(inv(x), p, (-2, -1))
