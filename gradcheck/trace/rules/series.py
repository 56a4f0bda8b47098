"""Orthogonal polynomials: series in them, and single ones by scipy.special."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, operands
from gradcheck.trace.rules.table import Rule, register

# P₁ = a·x + b, and Pₙ₊₁ = (a·x + b) Pₙ - c Pₙ₋₁ with (a, b, c) from n.
_Recurrence = Callable[[int], tuple[float, float, float]]


def _chebyshev(n: int) -> tuple[float, float, float]:
    return (2.0, 0.0, 1.0) if n else (1.0, 0.0, 0.0)


def _chebyshev_second(n: int) -> tuple[float, float, float]:  # noqa: ARG001  # the same for every n
    return 2.0, 0.0, 1.0


def _legendre(n: int) -> tuple[float, float, float]:
    return (2 * n + 1) / (n + 1), 0.0, n / (n + 1)


def _hermite(n: int) -> tuple[float, float, float]:
    return 2.0, 0.0, 2.0 * n


def _hermite_probabilist(n: int) -> tuple[float, float, float]:
    return 1.0, 0.0, float(n)


def _laguerre(n: int) -> tuple[float, float, float]:
    return -1 / (n + 1), (2 * n + 1) / (n + 1), n / (n + 1)


def _members(recurrence: _Recurrence, x: torch.Tensor, count: int) -> list[torch.Tensor]:
    """The first ``count`` polynomials at ``x``."""
    found = [torch.ones_like(x)]
    before = torch.zeros_like(x)
    for n in range(count - 1):
        a, b, c = recurrence(n)
        found.append((a * x + b) * found[-1] - c * before)
        before = found[-2]
    return found


def _series(recurrence: _Recurrence) -> Rule:
    def rule(x: Operand, c: Operand, tensor: bool = True) -> torch.Tensor:
        x, c = operands(x, c)
        if tensor:
            c = c.reshape((*c.shape, *(1,) * x.ndim))
        terms = [weight * member for weight, member in zip(c.unbind(), _members(recurrence, x, len(c)), strict=True)]
        return torch.stack(terms).sum(0)

    return rule


def _single(recurrence: _Recurrence) -> Rule:
    def rule(n: Any, x: Operand) -> torch.Tensor:
        if not isinstance(n, int) or n < 0:
            raise NotImplementedError("polynomials of several degrees, or of none, at once")
        return _members(recurrence, as_tensor(x), n + 1)[n]

    return rule


def _table(recurrence: _Recurrence) -> Rule:
    def rule(x: Operand, deg: int) -> torch.Tensor:
        return torch.stack(_members(recurrence, torch.atleast_1d(as_tensor(x)), deg + 1), -1)  # type: ignore[no-untyped-call]  # untyped in torch

    return rule


for _module, _short, _eval, _rule in (
    ("chebyshev", "cheb", "chebyt", _chebyshev),
    ("legendre", "leg", "legendre", _legendre),
    ("hermite", "herm", "hermite", _hermite),
    ("hermite_e", "herme", "hermitenorm", _hermite_probabilist),
    ("laguerre", "lag", "laguerre", _laguerre),
):
    register(f"numpy.polynomial.{_module}.{_short}val", _series(_rule))
    register(f"numpy.polynomial.{_module}.{_short}vander", _table(_rule))
    register(f"scipy.special.eval_{_eval}", _single(_rule))
register("scipy.special.eval_chebyu", _single(_chebyshev_second))
