"""What an optimizer of torch's own does with a gradient: it is made anew on copies, and asked."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.descent.moves.move import Array, Stock, rounding_of
from gradcheck.descent.moves.weights import Parameter, plain

__all__ = ["Standing", "asked_of", "standing_in"]


@dataclass(frozen=True)
class Standing:
    """An optimizer's settings and buffers for one parameter, copied before a step."""

    kind: type
    settings: dict[str, Any]
    buffers: dict[str, Any]
    weights: Any


def standing_in(optimizers: Sequence[Any], parameters: Mapping[str, Parameter]) -> dict[str, Standing]:
    """How each parameter stands in its optimizer; those of optimizers that somebody else wrote are left out.

    A subclass may do anything; an LBFGS evaluates its closure, and a sparse gradient is another thing than a dense one.
    """
    found = {}
    for optimizer in optimizers:
        kind = type(optimizer)
        if not kind.__module__.startswith("torch.optim.") or kind.__name__ in ("LBFGS", "SparseAdam"):
            continue
        for group in optimizer.param_groups:
            held = {id(p): p for p in group["params"]}
            for name, p in parameters.items():
                tensor = held.get(id(p.original))
                if tensor is None or name in found:
                    continue
                settings = {key: copy.copy(value) for key, value in group.items() if key not in ("params", "fused")}
                found[name] = Standing(
                    kind, settings, copy.deepcopy(optimizer.state.get(tensor, {})), tensor.detach().clone()
                )
    return found


def asked_of(standing: Standing, gradient: Array, changes: Mapping[str, float]) -> Stock | None:
    """The move for this gradient; None where the optimizer does not take it.

    Adam divides by the root of a running mean of squares: an entry of the gradient that is nothing but rounding moves
    as far as any other, so that what rounding may do to each entry is tried, to both sides.

    Args:
        standing: the optimizer as it was before the step.
        gradient: dL/dw as it was computed, in any precision.
        changes: settings that are to have other values; a negative learning rate goes the other way.
    """
    import torch

    sign = -1.0 if changes.get("lr", 1.0) < 0 else 1.0
    settings = standing.settings | {k: abs(v) if k == "lr" else v for k, v in changes.items() if k in standing.settings}

    def move(g: Array) -> Array:
        # in float64: what rounding does to it is allowed for elsewhere
        weights = torch.nn.Parameter(standing.weights.to(torch.float64, copy=True))
        optimizer = standing.kind([{**settings, "params": [weights]}])
        if standing.buffers:
            optimizer.state[weights] = {key: _precise(key, value) for key, value in standing.buffers.items()}
        weights.grad = torch.as_tensor(g, dtype=weights.dtype, device=weights.device).reshape(weights.shape)
        optimizer.step()
        return sign * (plain(weights) - plain(standing.weights))

    try:
        delta = move(gradient)
        noise = rounding_of(float(torch.finfo(standing.weights.dtype).eps), gradient.size) * float(
            np.sqrt(np.mean(gradient**2))
        )
        shifts = np.where(gradient != 0, noise, 0.0) * np.where(np.arange(gradient.size) % 2, 1, -1).reshape(
            gradient.shape
        )
        turned = np.maximum(abs(move(gradient + shifts) - delta), abs(move(gradient - shifts) - delta))
    except Exception:  # whatever it does not take: the step is judged without it then
        return None
    return Stock(standing.kind.__name__, delta, float(np.linalg.norm(turned)))


def _precise(key: str, value: Any) -> Any:
    """A copy of a buffer, in float64; the count of steps is one whose dtype matters."""
    import torch

    if isinstance(value, torch.Tensor) and value.is_floating_point() and key != "step":
        return value.to(torch.float64, copy=True)
    return copy.deepcopy(value)
