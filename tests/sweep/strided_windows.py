"""The backward of windows that slide with a stride over a padded array, right and without the stride."""

import numpy as np


def windows_backward(dout, cache):
    x, w, stride, pad = cache
    padded, dw = np.pad(x, ((0, 0), (pad, pad))), np.zeros_like(w)
    below = np.zeros_like(padded)
    for i in range(dout.shape[1]):
        below[:, i * stride : i * stride + len(w)] += dout[:, i : i + 1] * w
        dw += dout[:, i] @ padded[:, i * stride : i * stride + len(w)]
    return below[:, pad : pad + x.shape[1]], dw


def stride_forgotten(dout, cache):
    x, w, _stride, pad = cache
    return windows_backward(dout, (x, w, 1, pad))
