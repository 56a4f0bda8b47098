"""The normal distribution of scipy.stats."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch

from gradcheck.trace.rules.convert import Operand, common
from gradcheck.trace.rules.table import Rule, register

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


def _standardised(function: Callable[[torch.Tensor, torch.Tensor], torch.Tensor]) -> Rule:
    """The rule of a function of z = (x - loc)/scale, and of the scale."""

    def rule(x: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> torch.Tensor:
        x, loc, scale = common(x, loc, scale)
        return function((x - loc) / scale, scale)

    return rule


def _quantile(q: Operand, loc: Operand = 0.0, scale: Operand = 1.0) -> torch.Tensor:
    q, loc, scale = common(q, loc, scale)
    found: torch.Tensor = loc + scale * torch.special.ndtri(q)
    return found


register("scipy.stats:norm.pdf", _standardised(lambda z, scale: torch.exp(-z * z / 2 - _HALF_LOG_TAU) / scale))
register("scipy.stats:norm.logpdf", _standardised(lambda z, scale: -z * z / 2 - _HALF_LOG_TAU - torch.log(scale)))
register("scipy.stats:norm.cdf", _standardised(lambda z, _: torch.special.ndtr(z)))
register("scipy.stats:norm.sf", _standardised(lambda z, _: torch.special.ndtr(-z)))
register("scipy.stats:norm.logcdf", _standardised(lambda z, _: torch.special.log_ndtr(z)))
register("scipy.stats:norm.logsf", _standardised(lambda z, _: torch.special.log_ndtr(-z)))
register("scipy.stats:norm.ppf", _quantile)
