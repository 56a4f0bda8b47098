"""Mistakes that are made in one layer and no other: backward passes as people write them, wrong."""

from collections.abc import Callable
from typing import Any

import numpy as np
from layers import (
    attention,
    batch_norm,
    conv_im2col,
    conv_naive,
    dropout,
    embedding,
    layer_norm,
    linear,
    softmax_cross_entropy,
)

Array = np.ndarray[Any, Any]
Backward = Callable[..., Any]


def linear_after_the_update(dout: Array, cache: Any) -> Any:
    x, w = cache
    dw = x.T @ dout
    return dout @ (w - 0.1 * dw).T, dw, dout.sum(axis=0)


def linear_mean_bias(dout: Array, cache: Any) -> Any:
    dx, dw, db = linear.backward(dout, cache)
    return dx, dw, db / len(dout)


def relu_of_upstream(dout: Array, cache: Array) -> Array:
    del cache
    return dout * (dout > 0)


def relu_everything(dout: Array, cache: Array) -> Array:
    del cache
    return dout.copy()


def relu_other_side(dout: Array, cache: Array) -> Array:
    return dout * (cache <= 0)


def relu_softplus(dout: Array, cache: Array) -> Array:
    return dout * np.log1p(np.exp(cache))


def conv_without_stride(dout: Array, cache: Any) -> Any:
    padded, w, _, _ = cache
    dx, _, db = conv_naive.backward(dout, cache)
    _, _, rows, columns = dout.shape
    dw = np.zeros_like(w)
    for i in range(rows):
        for j in range(columns):  # the windows one beside the other, as if stride were 1
            window = padded[:, :, i : i + w.shape[2], j : j + w.shape[3]]
            dw += np.einsum("nk,nchw->kchw", dout[:, :, i, j], window)
    return dx, dw, db


def conv_kernel_turned(dout: Array, cache: Any) -> Any:
    padded, w, stride, pad = cache
    _, dw, db = conv_naive.backward(dout, cache)
    dx, _, _ = conv_naive.backward(dout, (padded, w[:, :, ::-1, ::-1], stride, pad))
    return dx, dw, db


def conv_padding_cut_wrong(dout: Array, cache: Any) -> Any:
    padded, w, stride, pad = cache
    dpadded, dw, db = conv_naive.backward(dout, (padded, w, stride, 0))
    height, width = padded.shape[2] - 2 * pad, padded.shape[3] - 2 * pad
    return dpadded[:, :, :height, :width], dw, db


def im2col_overwrites(dout: Array, cache: Any) -> Any:
    """``=`` where overlapping windows add up."""
    shape, _, w, stride, pad = cache
    _, dw, db = conv_im2col.backward(dout, cache)
    n, k, rows, columns = dout.shape
    _, c, kh, kw = w.shape
    flat = dout.transpose(0, 2, 3, 1).reshape(-1, k)
    windows = (flat @ w.reshape(k, -1)).reshape(n, rows, columns, c, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    dpadded = np.zeros(shape, dtype=dout.dtype)
    for i in range(rows):
        for j in range(columns):
            top, left = i * stride, j * stride
            dpadded[:, :, top : top + kh, left : left + kw] = windows[:, :, :, :, i, j]
    return dpadded[:, :, pad : shape[2] - pad, pad : shape[3] - pad], dw, db


def im2col_mean_of_positions(dout: Array, cache: Any) -> Any:
    dx, dw, db = conv_im2col.backward(dout, cache)
    return dx, dw / (dout.shape[2] * dout.shape[3]), db


def pool_pays_all(dout: Array, cache: Any) -> Array:
    x, size, stride = cache
    dx = np.zeros_like(x)
    for i, j in np.ndindex(dout.shape[2:]):
        top, left = i * stride, j * stride
        dx[:, :, top : top + size, left : left + size] += dout[:, :, i, j, None, None]
    return dx


def pool_overwrites(dout: Array, cache: Any) -> Array:
    """``=`` where two windows have their maximum in one place."""
    x, size, stride = cache
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        top, left = i * stride, j * stride
        window = x[n, c, top : top + size, left : left + size]
        row, column = np.unravel_index(window.argmax(), window.shape)
        dx[n, c, top + row, left + column] = dout[n, c, i, j]
    return dx


def pool_average(dout: Array, cache: Any) -> Array:
    _, size, _ = cache
    return pool_pays_all(dout, cache) / size**2


def batch_norm_without(mean: bool, variance: bool) -> Backward:
    def backward(dout: Array, cache: Any) -> Any:
        normal, std, gamma = cache
        dnormal = dout * gamma
        dx = dnormal - mean * dnormal.mean(axis=0) - variance * normal * (dnormal * normal).mean(axis=0)
        return dx / std, (dout * normal).sum(axis=0), dout.sum(axis=0)

    return backward


def batch_norm_gamma_forgotten(dout: Array, cache: Any) -> Any:
    normal, std, gamma = cache
    dx, _, _ = batch_norm.backward(dout, (normal, std, np.ones_like(gamma)))
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def batch_norm_unbiased(dout: Array, cache: Any) -> Any:
    """Divided by N - 1 where the forward divided by N."""
    normal, std, gamma = cache
    dnormal = dout * gamma
    stretch = (dnormal * normal).sum(axis=0) / (len(dout) - 1)
    dx = (dnormal - dnormal.mean(axis=0) - normal * stretch) / std
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def layer_norm_over_batch(dout: Array, cache: Any) -> Any:
    normal, std, gamma = cache
    dnormal = dout * gamma
    dx = (dnormal - dnormal.mean(axis=0) - normal * (dnormal * normal).mean(axis=0)) / std
    return dx, (dout * normal).sum(axis=0), dout.sum(axis=0)


def layer_norm_statistics_constant(dout: Array, cache: Any) -> Any:
    _, std, gamma = cache
    _, dgamma, dbeta = layer_norm.backward(dout, cache)
    return dout * gamma / std, dgamma, dbeta


def layer_norm_swapped(dout: Array, cache: Any) -> Any:
    """dγ and dβ have the same shape."""
    dx, dgamma, dbeta = layer_norm.backward(dout, cache)
    return dx, dbeta, dgamma


def softmax_without_labels(dloss: Array, cache: Any) -> Array:
    log_p, labels = cache
    return dloss * np.exp(log_p) / len(labels)


def softmax_by_classes(dloss: Array, cache: Any) -> Array:
    """Divided by the number of classes."""
    log_p, labels = cache
    return softmax_cross_entropy.backward(dloss, cache) * len(labels) / log_p.shape[1]


def softmax_other_labels(dloss: Array, cache: Any) -> Array:
    log_p, labels = cache
    return softmax_cross_entropy.backward(dloss, (log_p, (labels + 1) % log_p.shape[1]))


def softmax_diagonal(dloss: Array, cache: Any) -> Array:
    """-1/p times the diagonal p(1 - p) of softmax's Jacobian."""
    log_p, labels = cache
    wrong = np.zeros_like(log_p)
    rows = np.arange(len(labels))
    wrong[rows, labels] = np.exp(log_p[rows, labels]) - 1
    return dloss * wrong / len(labels)


def lstm(gates: Callable[[list[Array]], list[Array]] = list, forget: bool = True, hidden_path: bool = True) -> Backward:
    """Spoils the deltas of the four gates with ``gates``; drops f or tanh from the old cell's gradient."""

    def backward(dnext_h: Array, dnext_c: Array, cache: Any) -> Any:
        x, h, c, wx, wh, i, f, o, g, squashed = cache
        dc_all = dnext_c + dnext_h * o * (1 - squashed**2)
        right = [dc_all * g * i * (1 - i), dc_all * c * f * (1 - f)]
        right += [dnext_h * squashed * o * (1 - o), dc_all * i * (1 - g**2)]
        dz = np.hstack(gates(right))
        dc = (dc_all if hidden_path else dnext_c) * (f if forget else 1)
        return dz @ wx.T, dz @ wh.T, dc, x.T @ dz, h.T @ dz, dz.sum(axis=0)

    return backward


def attention_with(scaled: bool = True, diagonal: bool = False, wrong_axis: bool = False) -> Backward:
    def backward(dout: Array, cache: Any) -> Any:
        q, k, v, p, scale = cache
        dp = dout @ v.transpose(0, 2, 1)
        if diagonal:
            dscores = dp * p * (1 - p)
        elif wrong_axis:
            dscores = p * (dp - (dp * p).sum(axis=1, keepdims=True))
        else:
            dscores = p * (dp - (dp * p).sum(axis=-1, keepdims=True))
        dscores = dscores * scale if scaled else dscores
        return dscores @ k, dscores.transpose(0, 2, 1) @ q, p.transpose(0, 2, 1) @ dout

    return backward


def attention_upstream_as_values(dout: Array, cache: Any) -> Any:
    """dv without the weights p: every value gets the plain sum."""
    dq, dk, dv = attention.backward(dout, cache)
    return dq, dk, np.broadcast_to(dout.sum(axis=1, keepdims=True), dv.shape).copy()


def dropout_redrawn(dout: Array, cache: Array) -> Array:
    keep = 1 / cache.max()
    return dropout.backward(dout, (np.random.rand(*dout.shape) < keep) / keep)


def dropout_not_scaled(dout: Array, cache: Array) -> Array:
    return dropout.backward(dout, cache > 0)


def embedding_overwrites(dout: Array, cache: Any) -> Array:
    """``+=`` with an index array: an id that comes twice counts once."""
    ids, shape = cache
    dw = np.zeros(shape, dtype=dout.dtype)
    dw[ids] += dout
    return dw


def embedding_mean(dout: Array, cache: Any) -> Array:
    ids, _ = cache
    counts = np.maximum(np.bincount(ids.ravel(), minlength=cache[1][0]), 1)
    return embedding.backward(dout, cache) / counts[:, None].astype(dout.dtype)


IN_LAYER: dict[str, dict[str, Backward]] = {
    "linear": {"weights after the update": linear_after_the_update, "mean bias": linear_mean_bias},
    "relu": {
        "mask of the upstream gradient": relu_of_upstream,
        "no mask": relu_everything,
        "mask turned round": relu_other_side,
        "softplus": relu_softplus,
    },
    "conv_naive": {
        "stride ignored": conv_without_stride,
        "kernel turned on the way down": conv_kernel_turned,
        "padding cut on one side": conv_padding_cut_wrong,
    },
    "conv_im2col": {
        "overlaps overwritten": im2col_overwrites,
        "mean over positions": im2col_mean_of_positions,
    },
    "max_pool": {
        "pays every position": pool_pays_all,
        "overlaps overwritten": pool_overwrites,
        "average in place of maximum": pool_average,
    },
    "batch_norm": {
        "no mean term": batch_norm_without(mean=False, variance=True),
        "no variance term": batch_norm_without(mean=True, variance=False),
        "γ forgotten": batch_norm_gamma_forgotten,
        "N - 1": batch_norm_unbiased,
    },
    "layer_norm": {
        "over the batch": layer_norm_over_batch,
        "statistics as constants": layer_norm_statistics_constant,
        "dγ and dβ swapped": layer_norm_swapped,
    },
    "softmax_cross_entropy": {
        "labels not subtracted": softmax_without_labels,
        "divided by the classes": softmax_by_classes,
        "other labels": softmax_other_labels,
        "diagonal only": softmax_diagonal,
    },
    "lstm_cell": {
        "forget gate not in dc": lstm(forget=False),
        "forget path dropped": lstm(lambda d: [d[0], 0 * d[1], d[2], d[3]]),
        "gates in another order": lstm(lambda d: [d[0], d[1], d[3], d[2]]),
        "no hidden path to the cell": lstm(hidden_path=False),
    },
    "attention": {
        "scale forgotten": attention_with(scaled=False),
        "diagonal only": attention_with(diagonal=True),
        "summed over the wrong axis": attention_with(wrong_axis=True),
        "dv without weights": attention_upstream_as_values,
    },
    "dropout": {"mask redrawn": dropout_redrawn, "not scaled": dropout_not_scaled},
    "embedding": {"repeated ids overwritten": embedding_overwrites, "mean over repeats": embedding_mean},
}
