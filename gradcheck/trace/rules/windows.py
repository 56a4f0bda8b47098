"""Sliding windows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import all_axes
from gradcheck.trace.rules.convert import Operand, as_tensor
from gradcheck.trace.rules.table import serves


@serves("numpy.lib.stride_tricks.sliding_window_view")
def sliding_window_view(x: Operand, window_shape: Any, axis: Any = None, **more: Any) -> torch.Tensor:
    if more.keys() - {"subok", "writeable"}:
        raise NotImplementedError(f"sliding_window_view with {sorted(more)}")
    x = as_tensor(x)
    sizes = [int(n) for n in np.atleast_1d(window_shape)]
    for place, size in zip(all_axes(axis, x.ndim), sizes, strict=True):
        x = x.unfold(place, size, 1)
    return x
