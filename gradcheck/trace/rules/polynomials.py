"""Polynomials and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, common, numpy_value, operands, refuse
from gradcheck.trace.rules.table import serves


@serves("numpy.polyval")
def polyval(p: Operand, x: Operand) -> torch.Tensor:
    p, x = operands(p, x)
    found = torch.zeros_like(x)
    for coefficient in p.unbind():
        found = found * x + coefficient
    return found


@serves("numpy.polyadd")
def polyadd(a1: Operand, a2: Operand) -> torch.Tensor:
    a, b = _same_length(a1, a2)
    return a + b


@serves("numpy.polysub")
def polysub(a1: Operand, a2: Operand) -> torch.Tensor:
    a, b = _same_length(a1, a2)
    return a - b


@serves("numpy.polyder")
def polyder(p: Operand, m: int = 1) -> torch.Tensor:
    p = as_tensor(p)
    for _ in range(m):
        p = p[:-1] * torch.arange(len(p) - 1, 0, -1, dtype=p.dtype)
    return p


@serves("numpy.polyint")
def polyint(p: Operand, m: int = 1, k: Any = None) -> torch.Tensor:
    refuse(k=k)
    p = as_tensor(p)
    for _ in range(m):
        p = torch.cat([p / torch.arange(len(p), 0, -1, dtype=p.dtype), p.new_zeros(1)])
    return p


@serves("numpy.polyfit")
def polyfit(
    x: Operand, y: Operand, deg: int, rcond: Any = None, full: bool = False, w: Any = None, cov: Any = False
) -> torch.Tensor:
    if full or cov or not isinstance(deg, int):
        raise NotImplementedError("polyfit with more than its coefficients")
    x, y = operands(x, y)
    matrix = torch.stack([x**n for n in range(deg, -1, -1)], -1)
    if w is not None:
        weights = as_tensor(w, x)
        matrix, y = matrix * weights[:, None], y * (weights if y.ndim == 1 else weights[:, None])
    # Columns of one length make the system easier to solve; the solution is scaled back.
    scale = torch.linalg.vector_norm(matrix, dim=0).detach()
    cut = len(x) * torch.finfo(x.dtype).eps if rcond is None else float(rcond)
    solution: torch.Tensor = torch.linalg.pinv(matrix / scale, rtol=cut) @ y
    coefficients: torch.Tensor = solution / (scale if y.ndim == 1 else scale[:, None])
    return coefficients


@serves("numpy.polynomial.polynomial.polyval")
def polynomial_value(x: Operand, c: Operand, tensor: bool = True) -> torch.Tensor:
    x, c = operands(x, c)
    if tensor:
        c = c.reshape((*c.shape, *(1,) * x.ndim))
    found = c[-1] + x * 0
    for coefficient in reversed(c[:-1].unbind()):
        found = coefficient + found * x
    return found


@serves("numpy.interp")
def interp(
    x: Operand, xp: Operand, fp: Operand, left: Any = None, right: Any = None, period: Any = None
) -> torch.Tensor:
    """Differentiable in the places, the points and the values; a place that is a point takes the slope to its right."""
    x, xp, fp = common(x, xp, fp)
    if period is not None:
        period = abs(float(period))
        x, xp = torch.remainder(x, period), torch.remainder(xp, period)
        order = torch.from_numpy(np.argsort(numpy_value(xp)))
        xp, fp = xp[order], fp[order]
        xp = torch.cat([xp[-1:] - period, xp, xp[:1] + period])
        fp = torch.cat([fp[-1:], fp, fp[:1]])
    if len(xp) == 1:
        inside = fp[0].expand(x.shape)
    else:
        place = torch.searchsorted(xp.detach(), x.detach().contiguous(), right=True) - 1
        place = place.clamp(0, len(xp) - 2)
        slope = (fp[1:] - fp[:-1]) / (xp[1:] - xp[:-1])
        inside = slope[place] * (x - xp[place]) + fp[place]
    low = fp[0] if left is None or period is not None else as_tensor(left, fp)
    high = fp[-1] if right is None or period is not None else as_tensor(right, fp)
    found = torch.where(x < xp[0], low, torch.where(x > xp[-1], high, inside))
    return torch.where(torch.isnan(x), x, found)


def _same_length(a1: Operand, a2: Operand) -> tuple[torch.Tensor, torch.Tensor]:
    """Both with the highest power first, the shorter one with zeros before it."""
    a, b = (each.reshape(-1) for each in operands(a1, a2))
    length = max(len(a), len(b))
    return torch.cat([a.new_zeros(length - len(a)), a]), torch.cat([b.new_zeros(length - len(b)), b])
