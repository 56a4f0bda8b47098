# ruff: noqa
"""Pooling and resizing."""

import numpy as np
from forwards._case import Case, draws, on
from numpy.lib import stride_tricks

draw = draws(59)


def max_pool_naive(x, pool_param):
    N, C, H, W = x.shape
    ph, pw, stride = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    Ho, Wo = 1 + (H - ph) // stride, 1 + (W - pw) // stride
    out = np.zeros((N, C, Ho, Wo))
    for i in range(Ho):
        for j in range(Wo):
            out[:, :, i, j] = np.max(x[:, :, i * stride : i * stride + ph, j * stride : j * stride + pw], axis=(2, 3))
    return out


def max_pool_reshape(x, size=2):
    N, C, H, W = x.shape
    x_reshaped = x.reshape(N, C, H // size, size, W // size, size)
    return x_reshaped.max(axis=3).max(axis=4)


def pool_strided(A, kernel, stride, mode):
    out_h, out_w = (A.shape[0] - kernel) // stride + 1, (A.shape[1] - kernel) // stride + 1
    shape = (out_h, out_w, kernel, kernel)
    strides = (stride * A.strides[0], stride * A.strides[1], A.strides[0], A.strides[1])
    A_w = stride_tricks.as_strided(A, shape, strides)
    if mode == "max":
        return A_w.max(axis=(2, 3))
    return A_w.mean(axis=(2, 3))


class MaxPoolArgmax:
    def __init__(self, size):
        self.size = size

    def forward(self, x):
        s = self.size
        N, C, H, W = x.shape
        col = x.reshape(N, C, H // s, s, W // s, s).transpose(0, 2, 4, 1, 3, 5).reshape(-1, s * s)
        self.arg_max = np.argmax(col, axis=1)
        out = col[np.arange(len(col)), self.arg_max]
        return out.reshape(N, H // s, W // s, C).transpose(0, 3, 1, 2)


def max_pool_pixel_loop(image, size=2):
    """Lists in lists with the built-in max over a flattened patch."""
    out = []
    for i in range(0, image.shape[0], size):
        row = []
        for j in range(0, image.shape[1], size):
            patch = image[i : i + size, j : j + size]
            best = patch[0, 0]
            for value in patch.flat:
                if value > best:
                    best = value
            row.append(best)
        out.append(row)
    return np.array(out)


def max_of_quarters(img):
    return np.maximum.reduce([img[0::2, 0::2], img[0::2, 1::2], img[1::2, 0::2], img[1::2, 1::2]])


def average_by_accumulate(x):
    """Box filter by an integral image."""
    s = np.cumsum(np.cumsum(np.pad(x, ((1, 0), (1, 0))), axis=0), axis=1)
    return (s[2:, 2:] - s[:-2, 2:] - s[2:, :-2] + s[:-2, :-2]) / 4


def global_pools(x):
    return np.concatenate(
        (np.amax(x, axis=(2, 3)), np.mean(x, axis=(-1, -2)), np.median(x.reshape(*x.shape[:2], -1), axis=2)), axis=-1
    )


def lp_pool(x, p):
    n, length = x.shape
    windows = x.reshape(n, length // 3, 3)
    return np.sum(np.abs(windows) ** p, axis=2) ** (1.0 / p)


def unpool(x, w):
    up = x.repeat(2, axis=0).repeat(2, axis=1)
    return up * np.tile(w, (x.shape[0], x.shape[1])) + np.kron(x, np.ones((2, 2)))


def spatial_pyramid(x, levels=(1, 2)):
    H, W = x.shape[-2:]
    features = []
    for level in levels:
        hs, ws = np.linspace(0, H, level + 1, dtype=int), np.linspace(0, W, level + 1, dtype=int)
        for a, b in zip(hs[:-1], hs[1:]):
            for c, d in zip(ws[:-1], ws[1:]):
                features.append(x[:, a:b, c:d].max(axis=(1, 2)))
    return np.stack(features, axis=1)


def bilinear_resize(img, new_h, new_w):
    h, w = img.shape
    ys, xs = np.linspace(0, h - 1, new_h), np.linspace(0, w - 1, new_w)
    y0, x0 = np.floor(ys).astype(int), np.floor(xs).astype(int)
    y1, x1 = np.minimum(y0 + 1, h - 1), np.minimum(x0 + 1, w - 1)
    wy, wx = (ys - y0)[:, None], (xs - x0)[None, :]
    top = img[np.ix_(y0, x0)] * (1 - wx) + img[np.ix_(y0, x1)] * wx
    bottom = img[np.ix_(y1, x0)] * (1 - wx) + img[np.ix_(y1, x1)] * wx
    return top * (1 - wy) + bottom * wy


def top_k_pool(x, k=2):
    idx = np.argpartition(x, -k, axis=-1)[..., -k:]
    return np.take_along_axis(x, idx, axis=-1).sum(axis=-1)


def reduceat_segments(x, starts):
    return np.add.reduceat(x, starts, axis=0) + np.maximum.accumulate(x, axis=0)[starts]


argmax_pool = MaxPoolArgmax(2)
pool_x = draw(2, 2, 4, 4)

CASES = [
    on(max_pool_naive, draw(2, 2, 4, 5), {"pool_height": 2, "pool_width": 3, "stride": 1}, wrt="x"),
    on(max_pool_reshape, draw(2, 2, 4, 4), wrt="x"),
    on(pool_strided, draw(5, 7), 3, 2, "max", wrt="A", name="pool_strided max"),
    on(pool_strided, draw(5, 7), 3, 2, "avg", wrt="A", name="pool_strided avg"),
    Case("MaxPoolArgmax", lambda: argmax_pool.forward(pool_x), {"x": pool_x}),
    on(max_pool_pixel_loop, draw(4, 4), wrt="image"),
    on(max_of_quarters, draw(4, 6), wrt="img"),
    on(average_by_accumulate, draw(4, 5), wrt="x"),
    on(global_pools, draw(2, 3, 3, 3), wrt="x"),
    on(lp_pool, draw(2, 6), 3, wrt="x"),
    on(unpool, draw(2, 3), draw(2, 2), wrt="x w"),
    on(spatial_pyramid, draw(2, 4, 5), wrt="x"),
    on(bilinear_resize, draw(3, 4), 5, 6, wrt="img"),
    on(top_k_pool, draw(3, 5), wrt="x"),
    on(reduceat_segments, draw(6, 2), np.array([0, 2, 3]), wrt="x"),
]
