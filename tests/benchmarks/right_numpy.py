"""Right layers in NumPy that the collection has not: GELU, log-sum-exp, and an LSTM over a whole sequence."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def gelu(x: Array) -> Any:
    """The approximation with tanh, as GPT-2 has it."""
    t = np.tanh(np.sqrt(2 / np.pi).astype(x.dtype) * (x + 0.044715 * x**3))
    return 0.5 * x * (1 + t), (x, t)


def gelu_backward(dout: Array, cache: Any) -> Array:
    """The derivative of the approximation."""
    x, t = cache
    inner = np.sqrt(2 / np.pi).astype(x.dtype) * (1 + 3 * 0.044715 * x**2)
    grad: Array = dout * (0.5 * (1 + t) + 0.5 * x * (1 - t**2) * inner)
    return grad


def logsumexp(x: Array) -> Any:
    """Shifted by the row maximum, so that large logits do not overflow."""
    m = x.max(axis=1, keepdims=True)
    e = np.exp(x - m)
    s = e.sum(axis=1, keepdims=True)
    return (m + np.log(s))[:, 0], e / s


def logsumexp_backward(dout: Array, p: Array) -> Array:
    """The softmax of each row."""
    return dout[:, None] * p


def lstm(x: Array, h: Array, c: Array, wx: Array, wh: Array, b: Array) -> Any:
    """x (N, T, D) -> all hidden states (N, T, H); the gates are input, forget, output, candidate."""
    n = h.shape[1]
    hs, steps = [], []
    for t in range(x.shape[1]):
        z = x[:, t] @ wx + h @ wh + b
        s = 1 / (1 + np.exp(-z[:, : 3 * n]))
        i, f, o, g = s[:, :n], s[:, n : 2 * n], s[:, 2 * n :], np.tanh(z[:, 3 * n :])
        before = h, c
        c = f * c + i * g
        h = o * np.tanh(c)
        hs.append(h)
        steps.append((*before, i, f, o, g, c))
    return np.stack(hs, axis=1), (x, wx, wh, steps)


def lstm_backward(dout: Array, cache: Any) -> Any:
    """Back through time, the gradients of the weights added up over the steps."""
    x, wx, wh, steps = cache
    dx, dwx, dwh, db = np.zeros_like(x), np.zeros_like(wx), np.zeros_like(wh), np.zeros_like(wx[0])
    dh = dc = np.zeros_like(steps[0][0])
    for t in range(len(steps) - 1, -1, -1):
        h, c, i, f, o, g, after = steps[t]
        dh = dh + dout[:, t]
        squashed = np.tanh(after)
        dc = dc + dh * o * (1 - squashed**2)
        di, df, do, dg = dc * g * i * (1 - i), dc * c * f * (1 - f), dh * squashed * o * (1 - o), dc * i * (1 - g**2)
        dz = np.concatenate([di, df, do, dg], axis=1)
        dx[:, t] = dz @ wx.T
        dwx += x[:, t].T @ dz
        dwh += h.T @ dz
        db += dz.sum(axis=0)
        dh, dc = dz @ wh.T, dc * f
    return dx, dh, dc, dwx, dwh, db
