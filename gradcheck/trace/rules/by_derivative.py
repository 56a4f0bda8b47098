"""Functions of scipy.special that torch lacks, or has to seven digits: SciPy's value, the derivative in closed form."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from gradcheck.trace.rules.convert import Operand, as_tensor, numpy_value
from gradcheck.trace.rules.table import Rule, register

# From scipy.special, the points and the values there to the derivatives.
_DERIVATIVES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "j0": lambda special, x, _: -special.j1(x),
    "j1": lambda special, x, y: special.j0(x) - np.where(x == 0, 0.5, y / x),
    "y0": lambda special, x, _: -special.y1(x),
    "y1": lambda special, x, y: special.y0(x) - y / x,
    "k0": lambda special, x, _: -special.k1(x),
    "k1": lambda special, x, y: -special.k0(x) - y / x,
    "erfi": lambda _, x, __: 2 / np.sqrt(np.pi) * np.exp(x * x),
    "erfcinv": lambda _, __, y: -np.sqrt(np.pi) / 2 * np.exp(y * y),
    "dawsn": lambda _, x, y: 1 - 2 * x * y,
    "expi": lambda _, x, __: np.exp(x) / x,
    "exp1": lambda _, x, __: -np.exp(-x) / x,
    "spence": lambda _, x, __: np.where(x == 1, -1.0, np.log(x) / (1 - x)),
}


class _Known(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, name: str) -> torch.Tensor:
        # Whoever called the function has SciPy.
        special = importlib.import_module("scipy.special")
        points = numpy_value(x)
        values = np.asarray(getattr(special, name)(points))
        with np.errstate(all="ignore"):
            slopes = np.asarray(_DERIVATIVES[name](special, points, values))
        ctx.save_for_backward(as_tensor(slopes, x))
        return as_tensor(values, x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, upstream: torch.Tensor) -> tuple[torch.Tensor, None]:
        (slopes,) = ctx.saved_tensors
        return torch.where(upstream == 0, torch.zeros_like(slopes), upstream * slopes), None


def _rule(name: str) -> Rule:
    def rule(x: Operand) -> torch.Tensor:
        found: torch.Tensor = _Known.apply(as_tensor(x), name)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return found

    return rule


for _name in _DERIVATIVES:
    register(f"scipy.special.{_name}", _rule(_name))
