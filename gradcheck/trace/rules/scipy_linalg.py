"""scipy.linalg, for those who have SciPy."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules import solving
from gradcheck.trace.rules.convert import Operand, as_tensor, common, operands
from gradcheck.trace.rules.decompositions import mirrored
from gradcheck.trace.rules.table import serves

_HARMLESS = {"overwrite_a", "overwrite_b", "check_finite", "debug"}


def _refuse(options: dict[str, Any]) -> None:
    unknown = options.keys() - _HARMLESS
    if unknown:
        raise NotImplementedError(f"no rule with {sorted(unknown)}")


@serves("scipy.linalg.inv")
def inv(a: Operand, **options: Any) -> torch.Tensor:
    _refuse(options)
    return solving.inv(a)


@serves("scipy.linalg.pinv")
def pinv(a: Operand, **options: Any) -> torch.Tensor:
    _refuse(options)
    return solving.pinv(a)


@serves("scipy.linalg.det")
def det(a: Operand, **options: Any) -> torch.Tensor:
    _refuse(options)
    return solving.det(a)


@serves("scipy.linalg.solve")
def solve(a: Operand, b: Operand, lower: bool = False, **options: Any) -> torch.Tensor:
    structure = options.pop("assume_a", None)
    transposed = options.pop("transposed", False)
    _refuse(options)
    a = as_tensor(a)
    if structure in ("sym", "symmetric", "her", "hermitian", "pos", "positive definite"):
        a = mirrored(a, upper=not lower)
    elif structure not in (None, "gen", "general"):
        raise NotImplementedError(f"solve with assume_a={structure!r}")
    return solving.solve(a.mT if transposed else a, b)


@serves("scipy.linalg.solve_triangular")
def solve_triangular(
    a: Operand, b: Operand, trans: Any = 0, lower: bool = False, unit_diagonal: bool = False, **options: Any
) -> torch.Tensor:
    _refuse(options)
    a, b = operands(a, b)
    columns = b.unsqueeze(-1) if b.ndim == 1 else b
    turned = trans not in (0, "N")
    if turned:
        a = a.mT.conj() if trans in (2, "C") else a.mT
    # only the named triangle is read, so only it has a derivative
    a = torch.tril(a) if lower != turned else torch.triu(a)
    found: torch.Tensor = torch.linalg.solve_triangular(a, columns, upper=lower == turned, unitriangular=unit_diagonal)
    return found.squeeze(-1) if b.ndim == 1 else found


@serves("scipy.linalg.cholesky")
def cholesky(a: Operand, lower: bool = False, **options: Any) -> torch.Tensor:
    _refuse(options)
    found: torch.Tensor = torch.linalg.cholesky(mirrored(as_tensor(a), upper=not lower), upper=not lower)
    return found


@serves("scipy.linalg.expm")
def expm(A: Operand) -> torch.Tensor:
    found: torch.Tensor = torch.linalg.matrix_exp(as_tensor(A))
    return found


@serves("scipy.linalg.block_diag")
def block_diag(*arrs: Operand) -> torch.Tensor:
    found: torch.Tensor = torch.block_diag(*common(*arrs))  # type: ignore[no-untyped-call]  # untyped in torch
    return found


@serves("scipy.linalg.cho_factor")
def cho_factor(a: Operand, lower: bool = False, **options: Any) -> tuple[torch.Tensor, bool]:
    _refuse(options)
    a = as_tensor(a)
    # The other triangle of the result keeps what stood there.
    factor = cholesky(a, lower)
    return factor + (torch.triu(a, 1) if lower else torch.tril(a, -1)), lower


@serves("scipy.linalg.cho_solve")
def cho_solve(c_and_lower: tuple[Operand, bool], b: Operand, **options: Any) -> torch.Tensor:
    _refuse(options)
    factor, lower = c_and_lower
    c, b = operands(factor, b)
    half = solve_triangular(c, b, trans=0 if lower else 2, lower=bool(lower))
    return solve_triangular(c, half, trans=2 if lower else 0, lower=bool(lower))
