"""How much gradient an activation lets through, told from its output."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gradcheck.health.sample import Kind

__all__ = ["Slope", "merged_slopes", "slope_of"]

_FLAT = 0.01
_ENOUGH = 2**16  # entries, more or less, that shares are counted over


@dataclass(slots=True)
class Slope:
    """See :class:`gradcheck.health.sample.LayerSample`; ``count`` is the number of entries (rows, of a softmax).

    The shares and the slope of a large output are those of every k-th sample of the batch; ``active`` knows them all.
    """

    count: int
    flat: float
    slope: float
    active: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    zeros: int | None = None


def slope_of(
    kind: Kind, output: torch.Tensor, units: int, bounds: tuple[float, float] | None, dim: int = -1
) -> Slope | None:
    """The share of entries with almost no derivative and the root mean square of it; None for other activations.

    Args:
        kind: The activation's kind.
        output: What it gave, (...).
        units: The dimension that counts units: channels of images, columns otherwise.
        bounds: Of a clip: the output's lowest and highest value.
        dim: Of a softmax: the dimension that sums to 1.
    """
    y = output.detach()
    if y.numel() == 0 or y.dim() == 0:
        return None
    if y.dtype in (torch.float16, torch.bfloat16):
        y = y.float()
    if kind == "relu":
        active = _some(y, units)  # it has no negative entries, so that a sum is 0 where all of them are
        return _stepwise(_part(y).sign(), active, y.numel(), zeros=True)
    if kind == "clip" and bounds is not None:
        middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
        inside = (half - (y - middle).abs()).sign().clamp_(min=0.0)
        return _stepwise(inside, _some(inside, units), y.numel(), zeros=False)
    if kind == "logistic":
        part = _part(y)
        return _smooth((part * (1 - part)).mul_(4), y.numel())  # σ' = σ(1 − σ), at most 1/4
    if kind == "tanh":
        return _smooth(1 - _part(y).square(), y.numel())  # tanh' = 1 − tanh²
    if kind == "softmax":
        n = y.shape[dim]
        # The trace of the Jacobian diag(y) − yyᵀ is 1 − Σy², at most 1 − 1/n: one number for a row.
        return _smooth((1 - y.square().sum(dim)) / (1 - 1 / n), y.numel() // n) if n > 1 else None
    return None


def _part(y: torch.Tensor) -> torch.Tensor:
    """Every k-th sample of the batch, where all of them are more than are needed to tell a share."""
    every = y.numel() // _ENOUGH
    return y[:: min(every, y.shape[0])] if every > 1 and y.dim() > 1 else y


def _some(y: torch.Tensor, units: int) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """For each unit whether any entry is not 0, of entries that are not negative."""
    units = units % y.dim()
    others = [d for d in range(y.dim()) if d != units]
    if not others:
        return None
    active: np.ndarray[Any, np.dtype[np.bool_]] = y.sum(others).cpu().numpy() > 0
    return active


def _stepwise(
    derivative: torch.Tensor, active: np.ndarray[Any, np.dtype[np.bool_]] | None, count: int, zeros: bool
) -> Slope:
    """Of a derivative that is 0 or 1 everywhere.

    Sums of signs, for a comparison and counting what is true cost 20 times as much on a CPU.
    """
    passing = derivative.sum().item()
    if not math.isfinite(passing):
        passing = derivative.nan_to_num_().sum().item()
    share = min(max(1 - passing / derivative.numel(), 0.0), 1.0)
    return Slope(count, share, math.sqrt(1 - share), active, round(share * count) if zeros else None)


def _smooth(derivative: torch.Tensor, entries: int) -> Slope:
    """Of a derivative relative to its largest value."""
    count = derivative.numel()
    norm = torch.linalg.vector_norm(derivative).item()
    signs = (derivative - _FLAT).sign_().sum().item()
    flat = min(max((1 - signs / count) / 2, 0.0), 1.0) if math.isfinite(norm) else 0.0
    return Slope(entries, flat, norm / math.sqrt(count))


def merged_slopes(one: Slope | None, other: Slope | None) -> Slope | None:
    """Two calls of one layer together: a unit is active when it was in either."""
    if one is None or other is None:
        return one or other
    count = one.count + other.count
    same = one.active is not None and other.active is not None and one.active.shape == other.active.shape
    return Slope(
        count=count,
        flat=(one.flat * one.count + other.flat * other.count) / count,
        slope=math.sqrt((one.slope**2 * one.count + other.slope**2 * other.count) / count),
        active=one.active | other.active if same else None,  # type: ignore[operator]  # neither is None
        zeros=None if one.zeros is None or other.zeros is None else one.zeros + other.zeros,
    )
