"""One array taken apart, or thinned out."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from gradcheck.trace.rules.axes import one_axis
from gradcheck.trace.rules.convert import Operand, as_tensor, numpy_value
from gradcheck.trace.rules.positions import moves
from gradcheck.trace.rules.table import register, serves


@serves("numpy.array_split")
def array_split(ary: Operand, indices_or_sections: Any, axis: int = 0) -> list[torch.Tensor]:
    ary = as_tensor(ary)
    axis = one_axis(axis, ary.ndim)
    # Where the cuts are is NumPy's own answer; each piece is then a view.
    pieces = np.array_split(np.arange(ary.shape[axis]), numpy_value(indices_or_sections))
    return [ary.narrow(axis, int(piece[0]) if piece.size else 0, piece.size) for piece in pieces]


@serves("numpy.split")
def split(ary: Operand, indices_or_sections: Any, axis: int = 0) -> list[torch.Tensor]:
    return array_split(ary, indices_or_sections, axis)


@serves("numpy.vsplit")
def vsplit(ary: Operand, indices_or_sections: Any) -> list[torch.Tensor]:
    return array_split(ary, indices_or_sections, 0)


@serves("numpy.hsplit")
def hsplit(ary: Operand, indices_or_sections: Any) -> list[torch.Tensor]:
    ary = as_tensor(ary)
    return array_split(ary, indices_or_sections, 1 if ary.ndim > 1 else 0)


@serves("numpy.dsplit")
def dsplit(ary: Operand, indices_or_sections: Any) -> list[torch.Tensor]:
    return array_split(ary, indices_or_sections, 2)


@serves("numpy.unstack")
def unstack(x: Operand, /, *, axis: int = 0) -> tuple[torch.Tensor, ...]:
    return torch.unbind(as_tensor(x), axis)


register("numpy.delete", moves(np.delete))


@serves("numpy.trim_zeros")
def trim_zeros(filt: Operand, trim: str = "fb", **options: Any) -> torch.Tensor:
    if options:
        raise NotImplementedError("trim_zeros along an axis")
    filt = as_tensor(filt)
    kept = np.flatnonzero(numpy_value(filt))
    first = int(kept[0]) if "f" in trim.lower() and kept.size else 0
    last = int(kept[-1]) + 1 if "b" in trim.lower() and kept.size else len(filt)
    return filt[first:last] if kept.size else filt[:0]
