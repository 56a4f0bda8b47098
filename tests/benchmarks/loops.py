"""Layers whose forward computes one number after the other, in Python; their backwards do not loop."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def _stores(x: Array, w: Array) -> tuple[Array, Any]:
    out = np.zeros(x.shape)
    for i in range(x.size):
        out[i] = x[i] * x[i - 1] + w[1]
    return out, (x, w)


def _stores_backward(dout: Array, cache: Any) -> tuple[Array, Array]:
    x, _ = cache
    return dout * np.roll(x, 1) + np.roll(dout * x, -1), np.array([0.0, dout.sum(), 0.0])


def _windows(x: Array, w: Array) -> tuple[Array, Any]:
    padded = np.pad(x, 1)
    out = np.zeros(x.shape)
    for i in range(x.size):
        out[i] = np.sum(padded[i : i + 3] * w)
    return out, (padded, w)


def _sums(x: Array, w: Array) -> tuple[Array, Any]:
    padded = np.pad(x, 1)
    out = np.zeros(x.shape)
    for i in range(x.size):
        for k in range(3):
            out[i] += padded[i + k] * w[k]
    return out, (padded, w)


def _appended(x: Array, w: Array) -> tuple[Array, Any]:
    padded = np.pad(x, 1)
    found = []
    for i in range(x.size):
        total = 0.0
        for k in range(3):
            total = total + padded[i + k] * w[k]
        found.append(total)
    return np.array(found), (padded, w)


def _windows_backward(dout: Array, cache: Any) -> tuple[Array, Array]:
    padded, w = cache
    dpadded, dw = np.zeros_like(padded), np.zeros(3)
    for k in range(3):
        dpadded[k : k + dout.size] += dout * w[k]
        dw[k] = np.sum(dout * padded[k : k + dout.size])
    return dpadded[1:-1], dw


LOOPS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "stores": (_stores, _stores_backward),
    "windows": (_windows, _windows_backward),
    "sums": (_sums, _windows_backward),
    "appended": (_appended, _windows_backward),
}
