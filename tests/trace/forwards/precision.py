# ruff: noqa
"""Quantised and mixed-precision code: float32 buffers, integer tables, scales."""

import numpy as np
from forwards._case import draws, on

draw = draws(113)

TABLE = np.tanh(np.linspace(-3, 3, 25))


def dequantise(x, w_int8, scale, zero_point, bias):
    w = (w_int8.astype(np.float64) - zero_point) * scale[:, None]
    return x @ w.T + bias


def fake_quant(x, scale, bits=8):
    """What is left over by rounding: the slope of round is zero."""
    lo, hi = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    q = np.clip(np.round(x / scale), lo, hi)
    return q * scale + 0.1 * (x - np.rint(x)) + np.trunc(x) * scale


def table_lookup_tanh(x, table=TABLE):
    pos = np.clip((x + 3) / 6 * (len(table) - 1), 0, len(table) - 1.001)
    i = pos.astype(np.int32)
    frac = pos - i
    return table[i] * (1 - frac) + table[i + 1] * frac


def buffers_in_float32(x, w):
    out = np.zeros((len(x), w.shape[1]), dtype=np.float32)
    for i in range(len(x)):
        out[i] = x[i] @ w
    return np.tanh(out)


def accumulates_in_float64(x, w):
    y = x.astype("float32") @ w.astype("float32")
    return y.sum(axis=0, dtype=np.float64) + np.mean(y, dtype="f8")


def binary_weights(x, w):
    """Signs times the mean size, row by row."""
    alpha = np.abs(w).mean(axis=1, keepdims=True)
    return x @ (np.sign(w) * alpha).T


def integer_images(images, w):
    """uint8 pixels become floats by dividing."""
    x = images / 255.0
    x = x.reshape(len(x), -1).astype(w.dtype)
    return np.float64(1.5) * (x @ w)


def loss_scaling(x, w, scale=np.float64(1024)):
    loss = ((x @ w) ** 2).mean() * scale
    return loss / scale


def type_checks(x):
    """Asks what it was given before it computes."""
    if not isinstance(x, np.ndarray):
        raise TypeError("arrays only")
    if x.dtype.kind != "f" or not np.issubdtype(x.dtype, np.floating) or not x.flags["C_CONTIGUOUS"]:
        raise TypeError("floats only")
    if np.isscalar(x) or x.ndim < 1 or np.ndim(x) != 2 or np.size(x) == 0 or np.shape(x)[0] > 100:
        raise ValueError("a matrix, please")
    eps = np.finfo(x.dtype).eps
    return np.log(np.abs(x) + eps) * x.nbytes / x.itemsize / x.size


CASES = [
    on(
        dequantise,
        draw(3, 4),
        np.array([[3, -5, 7, 1], [-2, 0, 4, 9]], dtype=np.int8),
        0.1 + np.abs(draw(2)),
        1,
        draw(2),
        wrt="x scale bias",
    ),
    on(fake_quant, 3 * draw(3, 4), np.array(0.37), wrt="x scale"),
    on(table_lookup_tanh, draw(3, 4), wrt="x"),
    on(buffers_in_float32, draw(3, 2), draw(2, 4), wrt="x w", step=1e-2, tolerance=1e-4),
    on(accumulates_in_float64, draw(3, 2), draw(2, 4), wrt="x w", step=1e-2, tolerance=1e-4),
    on(binary_weights, draw(3, 4), draw(2, 4), wrt="x w"),
    on(integer_images, (np.arange(24).reshape(2, 3, 4) * 10).astype(np.uint8), draw(12, 3), wrt="w"),
    on(loss_scaling, draw(3, 4), draw(4, 2), wrt="x w"),
    on(type_checks, draw(3, 4), wrt="x"),
]
