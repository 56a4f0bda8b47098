"""Diagonals, triangles and traces of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import as_tensor, refuse, widened
from gradcheck.trace.rules.table import serves


@serves("numpy.diagonal")
def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> torch.Tensor:
    return torch.diagonal(as_tensor(a), int(offset), axis1, axis2)


@serves("numpy.linalg.diagonal")
def matrix_diagonal(x: Any, /, *, offset: int = 0) -> torch.Tensor:
    return torch.diagonal(as_tensor(x), int(offset), -2, -1)


@serves("numpy.diag")
def diag(v: Any, k: int = 0) -> torch.Tensor:
    return torch.diag(as_tensor(v), int(k))


@serves("numpy.diagflat")
def diagflat(v: Any, k: int = 0) -> torch.Tensor:
    return torch.diag(as_tensor(v).reshape(-1), int(k))


@serves("numpy.trace")
def trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(out=out)
    return torch.diagonal(widened(as_tensor(a), dtype), int(offset), axis1, axis2).sum(-1)


@serves("numpy.linalg.trace")
def matrix_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> torch.Tensor:
    return trace(x, offset, -2, -1, dtype)


@serves("numpy.tril")
def tril(m: Any, k: int = 0) -> torch.Tensor:
    m = as_tensor(m)
    mask = torch.from_numpy(np.tri(*m.shape[-2:], k=int(k), dtype=bool) if m.ndim > 1 else _square(m, k))
    return torch.where(mask, m, torch.zeros_like(m))


@serves("numpy.triu")
def triu(m: Any, k: int = 0) -> torch.Tensor:
    m = as_tensor(m)
    mask = torch.from_numpy(np.tri(*m.shape[-2:], k=int(k) - 1, dtype=bool) if m.ndim > 1 else _square(m, k - 1))
    return torch.where(mask, torch.zeros_like(m), m)


def _square(m: torch.Tensor, k: int) -> Any:
    """NumPy broadcasts a vector against the triangle of a square matrix."""
    return np.tri(m.shape[-1], k=int(k), dtype=bool)
