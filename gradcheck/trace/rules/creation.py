"""Arrays made from traced numbers."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_indices, as_tensor, broadcast, operands, refuse, widened
from gradcheck.trace.rules.elementwise import power
from gradcheck.trace.rules.table import serves


@serves("numpy.full")
def full(shape: Any, fill_value: Operand, dtype: Any = None, order: str = "C", **more: Any) -> torch.Tensor:  # noqa: ARG001  # layout
    refuse(**more)
    sizes = [int(n) for n in shape] if np.iterable(shape) else [operator.index(shape)]
    return widened(as_tensor(fill_value), dtype).expand(sizes)


@serves("numpy.full_like")
def full_like(
    a: Operand,
    fill_value: Operand,
    dtype: Any = None,
    order: str = "K",  # noqa: ARG001  # layout
    subok: bool = True,  # noqa: ARG001  # NumPy's signature
    shape: Any = None,
    **more: Any,
) -> torch.Tensor:
    return full(np.shape(a) if shape is None else shape, as_tensor(fill_value, as_tensor(a)), dtype, **more)


@serves("numpy.linspace")
def linspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    **more: Any,
) -> Any:
    refuse(**more)
    start, stop = operands(start, stop)
    start, stop = broadcast(start, stop)
    steps = num - 1 if endpoint else num
    step = (stop - start) / steps if steps > 0 else torch.full_like(start, torch.nan)
    ticks = torch.arange(num, dtype=start.dtype).reshape(-1, *(1,) * start.ndim) / max(steps, 1)
    # Written so that the last tick is `stop` itself.
    found = widened((start * (1 - ticks) + stop * ticks).movedim(0, axis), dtype)
    return (found, step) if retstep else found


@serves("numpy.meshgrid")
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[torch.Tensor, ...]:  # noqa: ARG001  # NumPy's signature
    count = len(xi)
    grids = [as_tensor(x).reshape([-1 if k == i else 1 for k in range(count)]) for i, x in enumerate(xi)]
    if indexing == "xy" and count > 1:
        grids = [grid.transpose(0, 1) for grid in grids]
    return tuple(grids if sparse else broadcast(*grids))


@serves("numpy.vander")
def vander(x: Operand, N: int | None = None, increasing: bool = False) -> torch.Tensor:
    x = as_tensor(x)
    powers: torch.Tensor = torch.linalg.vander(x, N=len(x) if N is None else N)
    return powers if increasing else powers.flip(-1)


@serves("numpy.logspace")
def logspace(
    start: Operand,
    stop: Operand,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> torch.Tensor:
    exponents = linspace(start, stop, num, endpoint, axis=axis)
    return widened(power(as_tensor(base, exponents), exponents), dtype)


@serves("numpy.geomspace")
def geomspace(
    start: Operand, stop: Operand, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> torch.Tensor:
    start, stop = operands(start, stop)
    if bool((start <= 0).any()) or bool((stop <= 0).any()):
        raise NotImplementedError("geomspace between numbers that are not positive")
    return widened(torch.exp(linspace(torch.log(start), torch.log(stop), num, endpoint, axis=axis)), dtype)


@serves("numpy.bincount")
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> torch.Tensor:
    if weights is None:
        raise NotImplementedError("counts have no derivative")
    bins, weights = as_indices(x), as_tensor(weights)
    length = max(int(bins.max()) + 1 if bins.numel() else 0, int(minlength))
    return torch.zeros(length, dtype=weights.dtype).index_add(0, bins, weights)
