"""Polynomials and interpolation."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, common, numpy_value, operands
from gradcheck.trace.rules.table import serves


@serves("numpy.polyval")
def polyval(p: Operand, x: Operand) -> torch.Tensor:
    p, x = operands(p, x)
    found = torch.zeros_like(x)
    for coefficient in p.unbind():
        found = found * x + coefficient
    return found


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
