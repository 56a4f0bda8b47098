"""Cholesky, QR, eigenvalues and singular values.

Vectors of a decomposition are fixed only up to their sign (or phase). torch's are turned to NumPy's own; where they
still differ (equal eigenvalues span a plane, not two lines) there is no derivative to give, and the rule says so.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, numpy_value
from gradcheck.trace.rules.table import serves


def mirrored(a: torch.Tensor, upper: bool = False) -> torch.Tensor:
    """The symmetric matrix that LAPACK sees: it reads one triangle only, so the other has derivative zero."""
    kept = torch.triu(a) if upper else torch.tril(a)
    strict = torch.triu(a, 1) if upper else torch.tril(a, -1)
    return kept + strict.mT.conj()


@serves("numpy.linalg.cholesky")
def cholesky(a: Operand, /, *, upper: bool = False) -> torch.Tensor:
    found: torch.Tensor = torch.linalg.cholesky(mirrored(as_tensor(a), upper), upper=upper)
    return found


@serves("numpy.linalg.qr")
def qr(a: Operand, mode: str = "reduced") -> Any:
    a = as_tensor(a)
    rows, columns = a.shape[-2:]
    if mode not in ("reduced", "complete", "r") or (mode == "complete" and rows > columns) or rows < columns:
        raise NotImplementedError(f"the derivative of QR in mode {mode!r} for {rows} × {columns}")
    q, r = torch.linalg.qr(a)
    expected = np.linalg.qr(numpy_value(a))
    signs = _signs(q, expected[0], -2)
    q, r = q * signs, r * signs.mT.conj()
    _same(q, expected[0])
    return r if mode == "r" else (q, r)


@serves("numpy.linalg.eigh")
def eigh(a: Operand, UPLO: Any = "L") -> tuple[torch.Tensor, torch.Tensor]:
    a = as_tensor(a)
    values, vectors = torch.linalg.eigh(mirrored(a, UPLO.upper() == "U"))
    expected = np.linalg.eigh(numpy_value(a), UPLO)[1]
    vectors = vectors * _signs(vectors, expected, -2)
    _same(vectors, expected)
    return values, vectors


@serves("numpy.linalg.eigvalsh")
def eigvalsh(a: Operand, UPLO: Any = "L") -> torch.Tensor:
    found: torch.Tensor = torch.linalg.eigvalsh(mirrored(as_tensor(a), UPLO.upper() == "U"))
    return found


@serves("numpy.linalg.eigvals")
def eigvals(a: Operand) -> torch.Tensor:
    a = as_tensor(a)
    values: torch.Tensor = torch.linalg.eigvals(a)
    expected = np.linalg.eigvals(numpy_value(a))
    values = values if np.iscomplexobj(expected) else values.real
    _same(values, expected)
    return values


@serves("numpy.linalg.svdvals scipy.linalg.svdvals")
def svdvals(x: Operand, /) -> torch.Tensor:
    found: torch.Tensor = torch.linalg.svdvals(as_tensor(x))
    return found


@serves("numpy.linalg.svd")
def svd(a: Operand, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    a = as_tensor(a)
    if not compute_uv:
        return svdvals(mirrored(a) if hermitian else a)
    left, values, right = torch.linalg.svd(mirrored(a) if hermitian else a, full_matrices=False)
    expected_left, _, expected_right = np.linalg.svd(numpy_value(a), full_matrices, hermitian=hermitian)
    count = values.shape[-1]
    signs = _signs(left, expected_left[..., :count], -2)
    left, right = left * signs, right * signs.mT.conj()
    if full_matrices:
        left = torch.cat([left, _complement(left, expected_left[..., count:])], -1)
        right = torch.cat([right, _complement(right.mT.conj(), _adjoint(expected_right[..., count:, :])).mT.conj()], -2)
    _same(left, expected_left)
    _same(right, expected_right)
    return left, values, right


def _complement(basis: torch.Tensor, rest: Any) -> torch.Tensor:
    """The vectors ``rest`` beyond ``basis``: they turn just as much as staying orthogonal to it takes.

    N - B Bᴴ N has the value N, and the derivative -B dBᴴ N. Within their own span they may turn anyhow, which no
    function of the span notices.
    """
    fixed = as_tensor(rest, basis)
    return fixed - basis @ (basis.mT.conj() @ fixed)


def _adjoint(x: Any) -> Any:
    return np.conj(np.swapaxes(x, -1, -2))


def _signs(found: torch.Tensor, expected: Any, axis: int) -> torch.Tensor:
    """±1 (or a phase) for each vector, so that ``found * signs`` points the way NumPy's vectors do."""
    overlap = (found.detach().conj() * as_tensor(expected, found)).sum(axis, keepdim=True)
    return torch.sgn(overlap)


def _same(found: torch.Tensor, expected: Any) -> None:
    tolerance = 1e3 * float(np.finfo(np.asarray(expected).dtype).eps) ** 0.5
    if not np.allclose(numpy_value(found), expected, rtol=tolerance, atol=tolerance):
        raise NotImplementedError("a decomposition that is not unique: equal eigenvalues or singular values")
