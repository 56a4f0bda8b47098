"""np.pad."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.convert import Operand, as_tensor, numpy_value
from gradcheck.trace.rules.positions import gathered, positions
from gradcheck.trace.rules.table import serves


@serves("numpy.pad")
def pad(array: Operand, pad_width: Any, mode: Any = "constant", **options: Any) -> torch.Tensor:
    """Constant, edge, reflect, symmetric and wrap; NotImplementedError for the modes that compute with entries."""
    array = as_tensor(array)
    widths = _widths(pad_width, array.ndim)
    if mode == "constant":
        return _constant(array, widths, options.get("constant_values", 0))
    if mode in ("edge", "reflect", "symmetric", "wrap") and options.get("reflect_type", "even") == "even":
        return gathered(array, np.pad(positions(array.shape), widths, mode=mode))
    raise NotImplementedError(f"pad with mode={mode!r} and {sorted(options)}")


def _widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    if isinstance(pad_width, dict):
        found = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            before, after = np.broadcast_to(width, 2)
            found[axis] = (int(before), int(after))
        return found
    pairs = np.broadcast_to(np.asarray(numpy_value(pad_width)), (ndim, 2))
    return [(int(before), int(after)) for before, after in pairs]


def _constant(array: torch.Tensor, widths: list[tuple[int, int]], values: Any) -> torch.Tensor:
    if isinstance(values, (int, float)):
        spans = [n for before, after in reversed(widths) for n in (before, after)]
        return torch.nn.functional.pad(array, spans, value=float(values)) if array.ndim else array
    pairs = as_tensor(values, array).to(array.dtype).expand(array.ndim, 2)
    for axis, (before, after) in enumerate(widths):
        # Axis after axis, each over what stands there already, as NumPy does: later axes win the corners.
        shape = list(array.shape)
        ends = []
        for n, value in ((before, pairs[axis, 0]), (after, pairs[axis, 1])):
            shape[axis] = n
            ends.append(value.expand(shape))
        array = torch.cat([ends[0], array, ends[1]], axis)
    return array
