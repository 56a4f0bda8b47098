"""One rule for all corners: relu'(0) = 0, or 1, or the first of equal maxima paid, throughout, is a convention."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch

from gradcheck.trace import Trace
from gradcheck.trace.operation import Operation
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.subject import Array, Subject, Values

__all__ = ["gradients_by_convention"]

_CORNERED = {"maximum", "minimum", "clip", "fmax", "fmin", "absolute", "abs", "fabs"}
_EXTREMES = {"max": 1, "amax": 1, "min": -1, "amin": -1}


def gradients_by_convention(
    subject: Subject,
    values: Values,
    upstreams: Sequence[Array],
    at_corners: float,
    paid: Literal["first", "last", ""] = "",
) -> dict[str, Array] | None:
    """Autograd's gradients where every entry at a corner of max, min, clip or abs has the derivative ``at_corners``.

    PyTorch takes ½ for a tie of two, and other numbers elsewhere. Several units at their corners at once (a blank row
    through a ReLU) make gradients that lie between no one-sided slopes of a single input, and are right all the same.
    So do windows that overlap: an entry that is one of several maxima in two of them may be paid in one alone, and the
    upstream gradients there have different signs. ``paid`` is which of equal maxima (or minima) gets everything.
    None where the forward cannot be followed.
    """
    if not isinstance(subject, NumpySubject):
        return None

    def hook(operation: Operation) -> torch.Tensor:
        if paid and operation.name in _EXTREMES:
            return _one_is_paid(operation, paid)
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


def _one_is_paid(operation: Operation, paid: str) -> torch.Tensor:
    """The extreme along axes, as the one entry that comes first (or last) among those that are equal to it."""
    x, *more = operation.inputs
    axis = more[0] if more else operation.keywords.get("axis")
    if not isinstance(x, torch.Tensor) or set(operation.keywords) - {"axis", "keepdims"} or len(more) > 1:
        return operation.result
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    reduced = sorted(int(a) % x.ndim for a in axes)
    kept = [a for a in range(x.ndim) if a not in reduced]
    rows = x.permute(*kept, *reduced).flatten(len(kept))
    rows = rows if paid == "first" else rows.flip(-1)
    signed = rows.detach() * _EXTREMES[operation.name]
    # NumPy's argmax gives the first; torch's makes no promise
    place = torch.from_numpy(np.asarray(np.argmax(signed.cpu().numpy(), axis=-1)))
    return rows.gather(-1, place[..., None]).reshape(operation.result.shape)


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
