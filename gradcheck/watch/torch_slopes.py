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


@dataclass(slots=True)
class Slope:
    """See :class:`gradcheck.health.sample.LayerSample`; ``count`` is the number of entries (rows, of a softmax)."""

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
    if kind == "relu":
        return _relu(y, units)
    if kind == "clip" and bounds is not None:
        return _passing((y > bounds[0]) & (y < bounds[1]), units)
    if y.dtype in (torch.float16, torch.bfloat16):
        y = y.float()
    if kind == "logistic":
        return _smooth((y * (1 - y)).mul_(4))  # σ' = σ(1 − σ), at most 1/4
    if kind == "tanh":
        return _smooth(1 - y.square())  # tanh' = 1 − tanh²
    if kind == "softmax":
        n = y.shape[dim]
        # The trace of the Jacobian diag(y) − yyᵀ is 1 − Σy², at most 1 − 1/n: one number for a row.
        return _smooth((1 - y.square().sum(dim)) / (1 - 1 / n)) if n > 1 else None
    return None


def _relu(y: torch.Tensor, units: int) -> Slope:
    """One pass counts, one finds the units: a comparison with 0 costs as much as both."""
    count = y.numel()
    zeros = count - int(torch.count_nonzero(y))
    share = zeros / count
    units = units % y.dim()
    others = [d for d in range(y.dim()) if d != units]
    active = (y.amax(others) > 0).cpu().numpy() if others else None
    return Slope(count, share, math.sqrt(1 - share), active, zeros)


def _passing(mask: torch.Tensor, units: int) -> Slope:
    count = mask.numel()
    share = 1 - int(torch.count_nonzero(mask)) / count
    units = units % mask.dim()
    others = [d for d in range(mask.dim()) if d != units]
    active = mask.amax(others).cpu().numpy() if others else None
    return Slope(count, share, math.sqrt(1 - share), active)


def _smooth(derivative: torch.Tensor) -> Slope:
    count = derivative.numel()
    flat = int((derivative < _FLAT).sum()) / count
    return Slope(count, flat, float(torch.linalg.vector_norm(derivative)) / math.sqrt(count))


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
