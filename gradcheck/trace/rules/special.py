"""scipy.special, for those who have SciPy."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, operands
from gradcheck.trace.rules.guard import guarded, guarded_where, has_zero
from gradcheck.trace.rules.table import Rule, register, serves


def _unary(function: Callable[..., torch.Tensor]) -> Rule:
    def rule(x: Operand) -> torch.Tensor:
        return guarded(function, as_tensor(x))

    return rule


for _name, _function in {
    "expit": torch.sigmoid,
    "logit": torch.logit,
    "log_expit": torch.nn.functional.logsigmoid,
    "erf": torch.erf,
    "erfc": torch.erfc,
    "erfcx": torch.special.erfcx,
    "erfinv": torch.erfinv,
    "gammaln": torch.lgamma,
    "digamma": torch.digamma,
    "psi": torch.digamma,
    "entr": torch.special.entr,
    "ndtr": torch.special.ndtr,
    "ndtri": torch.special.ndtri,
    "log_ndtr": torch.special.log_ndtr,
    "i0e": torch.special.i0e,
    "i1": torch.special.i1,
    "i1e": torch.special.i1e,
    "expm1": torch.expm1,
    "log1p": torch.log1p,
    "exp2": torch.exp2,
}.items():
    register(f"scipy.special.{_name}", _unary(_function))


@serves("scipy.special.gamma")
def gamma(z: Operand) -> torch.Tensor:
    def function(x: torch.Tensor) -> torch.Tensor:
        # below zero the sign alternates from one integer to the next
        sign = torch.where((x < 0) & (torch.remainder(torch.floor(x), 2) == 1), -1.0, 1.0)
        return sign * torch.exp(torch.lgamma(x))

    return guarded(function, as_tensor(z))


@serves("scipy.special.loggamma")
def loggamma(z: Operand) -> torch.Tensor:
    z = as_tensor(z)
    if z.is_complex():
        raise NotImplementedError("loggamma of complex numbers")
    return guarded(torch.lgamma, torch.where(z < 0, torch.full_like(z, math.nan), z))


@serves("scipy.special.polygamma")
def polygamma(n: Any, x: Operand) -> torch.Tensor:
    if not isinstance(n, int):
        raise NotImplementedError("polygamma of several orders at once")
    return guarded(lambda t: torch.polygamma(n, t), as_tensor(x))


@serves("scipy.special.betaln")
def betaln(a: Operand, b: Operand) -> torch.Tensor:
    return guarded(lambda x, y: torch.lgamma(x) + torch.lgamma(y) - torch.lgamma(x + y), *operands(a, b))


@serves("scipy.special.beta")
def beta(a: Operand, b: Operand) -> torch.Tensor:
    a, b = operands(a, b)
    return gamma(a) / gamma(a + b) * gamma(b)


@serves("scipy.special.xlogy")
def xlogy(x: Operand, y: Operand) -> torch.Tensor:
    x, y = operands(x, y)
    # at x = 0 the value is 0 for every y, and so is the derivative in y: not 0/0
    return guarded(torch.xlogy, x, torch.where((x == 0) & (y == 0), y.detach(), y))


@serves("scipy.special.xlog1py")
def xlog1py(x: Operand, y: Operand) -> torch.Tensor:
    x, y = operands(x, y)
    return guarded(torch.special.xlog1py, x, torch.where((x == 0) & (y == -1), y.detach(), y))


def _rel_entr(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    inside = (x > 0) & (y > 0)
    one = torch.ones_like(x)
    found = x * torch.log(torch.where(inside, x, one) / torch.where(inside, y, one))
    outside = torch.where((x == 0) & (y >= 0), torch.zeros_like(x), torch.full_like(x, math.inf))
    return torch.where(inside, found, torch.where(torch.isnan(x) | torch.isnan(y), x + y, outside))


@serves("scipy.special.rel_entr")
def rel_entr(x: Operand, y: Operand) -> torch.Tensor:
    x, y = operands(x, y)
    return guarded_where(has_zero(x), _rel_entr, x, y)


@serves("scipy.special.kl_div")
def kl_div(x: Operand, y: Operand) -> torch.Tensor:
    x, y = operands(x, y)
    return rel_entr(x, y) - x + y


@serves("scipy.special.exprel")
def exprel(x: Operand) -> torch.Tensor:
    """(exp(x) - 1)/x; near zero its series, for there the quotient's derivative loses all its digits."""

    def function(t: torch.Tensor) -> torch.Tensor:
        small = t.abs() < 1e-2
        safe = torch.where(small, torch.ones_like(t), t)
        # the series reaches x⁶/7!, beyond which 1e-2 leaves less than a rounding error
        series = torch.ones_like(t)
        for k in range(7, 1, -1):
            series = 1 + t / k * series
        return torch.where(small, series, torch.expm1(safe) / safe)

    return guarded(function, as_tensor(x))


@serves("scipy.special.softplus")
def softplus(x: Operand) -> torch.Tensor:
    x = as_tensor(x)
    return torch.logaddexp(x, torch.zeros_like(x))


@serves("scipy.special.huber")
def huber(delta: Operand, r: Operand) -> torch.Tensor:
    delta, r = operands(delta, r)
    size = torch.abs(r)
    found = torch.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))
    return torch.where(delta < 0, torch.full_like(found, math.inf), found)


@serves("scipy.special.pseudo_huber")
def pseudo_huber(delta: Operand, r: Operand) -> torch.Tensor:
    def function(d: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        # d²(√(1 + u²) - 1) without its cancellation for small u = t/d
        square = (t / d) ** 2
        return d * d * square / (1 + torch.sqrt(1 + square))

    delta, r = operands(delta, r)
    found = guarded(function, delta, r)
    return torch.where((delta == 0) | (r == 0), torch.zeros_like(found), found)


@serves("scipy.special.boxcox")
def boxcox(x: Operand, lmbda: Operand) -> torch.Tensor:
    def function(t: torch.Tensor, power: torch.Tensor) -> torch.Tensor:
        nothing = power == 0
        safe = torch.where(nothing, torch.ones_like(power), power)
        logarithm = torch.log(t)
        # (xˡ - 1)/l has the slope log²(x)/2 in l at l = 0
        near = logarithm + power * logarithm * logarithm / 2
        return torch.where(nothing, near, torch.expm1(safe * logarithm) / safe)

    return guarded(function, *operands(x, lmbda))
