"""A view of one array as the same view of another."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["same_view"]

Array = np.ndarray[Any, Any]


def same_view(view: Array, owner: Array, base: Array) -> Array:
    """The view of ``base`` that ``view`` is of ``owner``; the two have the same shape and memory order.

    Example:
        >>> owner, base = np.zeros((2, 3)), np.arange(6.0).reshape(2, 3)
        >>> same_view(owner[:, 1], owner, base)
        array([1., 4.])
    """
    offset = view.__array_interface__["data"][0] - owner.__array_interface__["data"][0]
    flat = base.ravel(order="K")  # a view: an array that owns its memory is contiguous in this order
    strides = tuple(step // owner.itemsize * base.itemsize for step in view.strides)
    return np.lib.stride_tricks.as_strided(flat[offset // owner.itemsize :], view.shape, strides, writeable=True)
