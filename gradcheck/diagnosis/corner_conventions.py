"""One derivative for all corners: relu'(0) = 0, or 1, throughout the forward, is a convention and right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from gradcheck.trace import Trace
from gradcheck.trace.operation import Operation
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Array, Subject, Values

__all__ = ["gradients_by_convention"]

_CORNERED = {"maximum", "minimum", "clip", "fmax", "fmin", "absolute", "abs", "fabs"}


def gradients_by_convention(
    subject: Subject, values: Values, upstreams: Sequence[Array], at_corners: float
) -> dict[str, Array] | None:
    """Autograd's gradients where every entry at a corner of max, min, clip or abs has the derivative ``at_corners``.

    PyTorch takes ½ for a tie of two, and other numbers elsewhere. Several units at their corners at once (a blank row
    through a ReLU) make gradients that lie between no one-sided slopes of a single input, and are right all the same.
    None where the forward cannot be followed.
    """
    if not isinstance(subject, NumpySubject):
        return None

    def hook(operation: Operation) -> torch.Tensor:
        if operation.name not in _CORNERED:
            return operation.result
        inputs = [x for x in operation.inputs if isinstance(x, torch.Tensor) and x.requires_grad]
        if len(inputs) != 1 or inputs[0].shape != operation.result.shape:
            return operation.result
        (x,) = inputs
        corners = _corners(operation, x)
        if corners is None or not bool(corners.any()):
            return operation.result
        bent = operation.result.detach() + at_corners * (x - x.detach())
        return torch.where(corners, bent, operation.result)

    trace = Trace(hook=hook)
    wide = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in values.items()}
    try:
        with subject.followed(trace, wide) as (outputs, variables):
            found = trace.gradients(outputs, upstreams, variables)
    except Exception:
        return None
    return None if trace.leaks or trace.mismatch else found


def _corners(operation: Operation, x: torch.Tensor) -> torch.Tensor | None:
    """Which entries of the one differentiable input stand at a corner."""
    at = x.detach()
    if operation.name in ("absolute", "abs", "fabs"):
        return at == 0
    bounds: list[Any] = [b for b in operation.inputs if b is not x and b is not None]
    bounds += [b for b in operation.keywords.values() if isinstance(b, int | float | np.ndarray | torch.Tensor)]
    corners = torch.zeros(at.shape, dtype=torch.bool)
    for bound in bounds:
        try:
            corners |= at == torch.as_tensor(bound)
        except (RuntimeError, TypeError, ValueError):
            return None
    return corners
