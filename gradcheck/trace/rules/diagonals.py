"""Diagonals, triangles and traces of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.diagonal")
def diagonal(a: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    return torch.diagonal(as_tensor(a), int(offset), axis1, axis2)


@serves("numpy.linalg.diagonal")
def matrix_diagonal(x: Operand, /, *, offset: int = 0) -> torch.Tensor:
    return torch.diagonal(as_tensor(x), int(offset), -2, -1)


@serves("numpy.diag")
def diag(v: Operand, k: int = 0) -> torch.Tensor:
    return torch.diag(as_tensor(v), int(k))


@serves("numpy.diagflat")
def diagflat(v: Operand, k: int = 0) -> torch.Tensor:
    return torch.diag(as_tensor(v).reshape(-1), int(k))


@serves("numpy.trace")
def trace(
    a: Operand, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> torch.Tensor:
    refuse(out=out)
    return torch.diagonal(widened(as_tensor(a), dtype), int(offset), axis1, axis2).sum(-1)


@serves("numpy.linalg.trace")
def matrix_trace(x: Operand, /, *, offset: int = 0, dtype: Any = None) -> torch.Tensor:
    return trace(x, offset, -2, -1, dtype)


@serves("numpy.tril")
def tril(m: Operand, k: int = 0) -> torch.Tensor:
    m = as_tensor(m)
    mask = _lower(m, int(k))
    return torch.where(mask, m, torch.zeros_like(m))


@serves("numpy.triu")
def triu(m: Operand, k: int = 0) -> torch.Tensor:
    m = as_tensor(m)
    mask = _lower(m, int(k) - 1)
    return torch.where(mask, torch.zeros_like(m), m)


def _lower(m: torch.Tensor, k: int) -> torch.Tensor:
    """True on and below diagonal ``k``; for a vector, of the square that NumPy broadcasts it to."""
    rows, columns = m.shape[-2] if m.ndim > 1 else m.shape[-1], m.shape[-1]
    return torch.from_numpy(np.tri(rows, columns, k, dtype=bool))
