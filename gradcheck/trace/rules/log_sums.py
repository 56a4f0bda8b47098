"""Logarithms of sums of exponentials, softmax."""

from __future__ import annotations

from typing import Any

import torch

from gradcheck.trace.rules.axes import Axis, all_axes
from gradcheck.trace.rules.convert import Operand, as_tensor, given, operands, refuse
from gradcheck.trace.rules.elementwise import divide
from gradcheck.trace.rules.extremes import amax
from gradcheck.trace.rules.reductions import sum_
from gradcheck.trace.rules.table import serves


@serves("numpy.logaddexp.reduce")
def logaddexp_reduce(
    a: Operand, axis: Axis = 0, dtype: Any = None, out: Any = None, keepdims: Any = False, **more: Any
) -> torch.Tensor:
    refuse(dtype=dtype, out=out, **more)
    a = as_tensor(a)
    axes = all_axes(axis, a.ndim)
    return torch.logsumexp(a, axes, keepdim=bool(given(keepdims, False))) if axes else a


@serves("numpy.logaddexp.accumulate")
def logaddexp_accumulate(a: Operand, axis: int = 0, dtype: Any = None, out: Any = None) -> torch.Tensor:
    refuse(dtype=dtype, out=out)
    return torch.logcumsumexp(as_tensor(a), axis)


@serves("scipy.special.logsumexp")
def logsumexp(
    a: Operand, axis: Axis = None, b: Any = None, keepdims: bool = False, return_sign: bool = False
) -> torch.Tensor | tuple[torch.Tensor, torch.Tensor]:
    a = as_tensor(a)
    if b is None and not return_sign:
        return logaddexp_reduce(a, axis, keepdims=keepdims)
    scale = torch.ones_like(a) if b is None else as_tensor(b, a)
    a, scale = operands(a, scale)
    top = amax(torch.where(scale == 0, torch.full_like(a, -torch.inf), a), axis, keepdims=True).detach()
    top = torch.where(torch.isfinite(top), top, torch.zeros_like(top))
    total = sum_(torch.where(scale == 0, torch.zeros_like(a), scale * torch.exp(a - top)), axis, keepdims=keepdims)
    found = torch.log(total.abs() if return_sign else total) + top.reshape(total.shape)
    return (found, torch.sign(total).detach()) if return_sign else found


@serves("scipy.special.softmax")
def softmax(x: Operand, axis: Axis = None) -> torch.Tensor:
    x = as_tensor(x)
    powers = torch.exp(x - amax(x, axis, keepdims=True).detach())
    return divide(powers, sum_(powers, axis, keepdims=True))


@serves("scipy.special.log_softmax")
def log_softmax(x: Operand, axis: Axis = None) -> torch.Tensor:
    x = as_tensor(x)
    return x - logaddexp_reduce(x, axis, keepdims=True) if x.ndim else x - x
