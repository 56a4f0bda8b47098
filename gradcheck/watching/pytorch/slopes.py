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
    if y.dtype in (torch.float16, torch.bfloat16):
        y = y.float()
    if kind == "relu":
        return _stepwise(y.sign(), units, zeros=True)
    if kind == "clip" and bounds is not None:
        middle, half = (bounds[0] + bounds[1]) / 2, (bounds[1] - bounds[0]) / 2
        inside = (half - (y - middle).abs()).sign()
        return _stepwise(inside.clamp_(min=0.0), units, zeros=False)
    if kind == "logistic":
        return _smooth((y * (1 - y)).mul_(4))  # σ' = σ(1 − σ), at most 1/4
    if kind == "tanh":
        return _smooth(1 - y.square())  # tanh' = 1 − tanh²
    if kind == "softmax":
        n = y.shape[dim]
        # The trace of the Jacobian diag(y) − yyᵀ is 1 − Σy², at most 1 − 1/n: one number for a row.
        return _smooth((1 - y.square().sum(dim)) / (1 - 1 / n)) if n > 1 else None
    return None


def _stepwise(derivative: torch.Tensor, units: int, zeros: bool) -> Slope:
    """Of a derivative that is 0 or 1 everywhere.

    Sums of signs, for a comparison and counting what is true cost 20 times as much on a CPU.
    """
    count = derivative.numel()
    units = units % derivative.dim()
    others = [d for d in range(derivative.dim()) if d != units]
    passing = (derivative.sum(others) if others else derivative).nan_to_num_().double()
    share = min(max(1 - float(passing.sum()) / count, 0.0), 1.0)
    active = (passing > 0).cpu().numpy() if others else None
    return Slope(count, share, math.sqrt(1 - share), active, round(share * count) if zeros else None)


def _smooth(derivative: torch.Tensor) -> Slope:
    """Of a derivative relative to its largest value."""
    count = derivative.numel()
    norm = float(torch.linalg.vector_norm(derivative))
    signs = float((derivative - _FLAT).sign_().sum())
    flat = min(max((1 - signs / count) / 2, 0.0), 1.0) if math.isfinite(norm) else 0.0
    return Slope(count, flat, norm / math.sqrt(count))


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
