"""Forwards that no trace can follow, as compiled code is."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def raw(array: Array) -> Array:
    """The same numbers from their bytes: the way of a value into compiled code."""
    return np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape)


def linear(x: Array, w: Array, b: Array) -> Any:
    return raw(x) @ raw(w) + raw(b), (x, w)


def linear_backward(dout: Array, cache: Any) -> Any:
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)
