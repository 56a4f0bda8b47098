"""Axes as NumPy spells them: None for all, an int, a tuple, negative numbers."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["Axis", "all_axes", "last_axis", "one_axis", "restored"]

Axis = int | Sequence[int] | None


def one_axis(axis: Any, ndim: int) -> int:
    """A single axis, counted from the front."""
    position = operator.index(axis)
    return position + ndim if position < 0 else position


def all_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes to reduce over, counted from the front. None is every axis, () is none at all (to torch it is all)."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, (tuple, list)):
        return tuple(one_axis(each, ndim) for each in axis)
    return (one_axis(axis, ndim),)


def last_axis(x: torch.Tensor, axis: Axis) -> tuple[torch.Tensor, tuple[int, ...]]:
    """The entries of ``axis`` flattened into one last axis (kept axes before it), and the axes it was made of."""
    axes = all_axes(axis, x.ndim)
    kept = [each for each in range(x.ndim) if each not in axes]
    shape = [x.shape[each] for each in kept]
    return x.permute((*kept, *axes)).reshape((*shape, math.prod(x.shape[each] for each in axes))), axes


def restored(reduced: torch.Tensor, axes: tuple[int, ...], keepdims: bool) -> torch.Tensor:
    """``reduced`` with an axis of length one at each of ``axes`` when ``keepdims`` asks for them."""
    if keepdims:
        for axis in sorted(axes):
            reduced = reduced.unsqueeze(axis)
    return reduced
