"""Whether PyTorch and NumPy computed the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["agree"]

# How far the value of the PyTorch counterpart may be from NumPy's, relative to the largest entry.
_CLOSE = {8: 1e-6, 16: 1e-6, 4: 1e-3, 2: 3e-2}


def agree(shadow: torch.Tensor, value: Any, native: bool) -> bool:
    """Whether ``shadow`` holds ``value``; ``native`` tensors are rounded as their NumPy counterparts are."""
    theirs = shadow.detach().numpy()
    ours = np.asarray(value)
    limit = _CLOSE.get(ours.dtype.itemsize if native else getattr(value, "itemsize", 8), 1e-6)
    if ours.dtype.kind == theirs.dtype.kind == "f":
        with np.errstate(all="ignore"):
            gap, flat = (theirs - ours).reshape(-1), ours.reshape(-1)
            apart, length = float(np.dot(gap, gap)), float(np.dot(flat, flat))
        # no entry differs by more than all of them together, and the largest is no smaller than their mean square
        if 1e-30 < length < 1e30 and apart * ours.size <= limit * limit * length:
            return True
    with np.errstate(all="ignore"):
        finite = np.isfinite(ours)
        if not np.array_equal(finite, np.isfinite(theirs)):
            return False
        if not finite.all():
            if not np.array_equal(ours[~finite].astype(theirs.dtype), theirs[~finite], equal_nan=True):
                return False
            ours, theirs = ours[finite], theirs[finite]
        if not ours.size:
            return True
        ours = ours.astype(theirs.dtype)
        largest = float(np.max(np.abs(ours)))
        return float(np.max(np.abs(ours - theirs))) <= limit * largest + 1e-300
