# ruff: noqa
"""Convolutions: naive loops, im2col in three dialects, strided views, scipy, FFT."""

from functools import lru_cache

import numpy as np
from forwards._case import Case, draws, on
from forwards._shared_functions import im2col
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from scipy import signal

draw = draws(53)


def conv_forward_naive(x, w, b, conv_param):
    stride, pad = conv_param["stride"], conv_param["pad"]
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    H_out = 1 + (H + 2 * pad - HH) // stride
    W_out = 1 + (W + 2 * pad - WW) // stride
    x_pad = np.pad(x, ((0,), (0,), (pad,), (pad,)), mode="constant")
    out = np.zeros((N, F, H_out, W_out))
    for n in range(N):
        for f in range(F):
            for i in range(H_out):
                for j in range(W_out):
                    window = x_pad[n, :, i * stride : i * stride + HH, j * stride : j * stride + WW]
                    out[n, f, i, j] = np.sum(window * w[f]) + b[f]
    return out, (x, w, b, conv_param)


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)), mode="constant", constant_values=(0, 0))


def conv_single_step(a_slice_prev, W, b):
    s = np.multiply(a_slice_prev, W)
    Z = np.sum(s)
    Z = Z + np.squeeze(b)
    return Z


def conv_forward_channels_last(A_prev, W, b, hparameters):
    (m, n_H_prev, n_W_prev, n_C_prev) = A_prev.shape
    (f, f, n_C_prev, n_C) = W.shape
    stride, pad = hparameters["stride"], hparameters["pad"]
    n_H = int((n_H_prev + 2 * pad - f) / stride) + 1
    n_W = int((n_W_prev + 2 * pad - f) / stride) + 1
    Z = np.zeros([m, n_H, n_W, n_C])
    A_prev_pad = zero_pad(A_prev, pad)
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    vert, horiz = h * stride, w * stride
                    a_slice = a_prev_pad[vert : vert + f, horiz : horiz + f, :]
                    Z[i, h, w, c] = conv_single_step(a_slice, W[..., c], b[..., c])
    return Z


class Convolution:
    """im2col with a six-dimensional buffer."""

    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h = 1 + int((H + 2 * self.pad - FH) / self.stride)
        out_w = 1 + int((W + 2 * self.pad - FW) / self.stride)
        self.col = im2col(x, FH, FW, self.stride, self.pad)
        self.col_W = self.W.reshape(FN, -1).T
        out = np.dot(self.col, self.col_W) + self.b
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)


@lru_cache(maxsize=None)
def patch_indices(x_shape, field_height, field_width, padding, stride):
    _, C, H, W = x_shape
    out_height = (H + 2 * padding - field_height) // stride + 1
    out_width = (W + 2 * padding - field_width) // stride + 1
    i0 = np.tile(np.repeat(np.arange(field_height), field_width), C)
    i1 = stride * np.repeat(np.arange(out_height), out_width)
    j0 = np.tile(np.arange(field_width), field_height * C)
    j1 = stride * np.tile(np.arange(out_width), out_height)
    i = i0.reshape(-1, 1) + i1.reshape(1, -1)
    j = j0.reshape(-1, 1) + j1.reshape(1, -1)
    k = np.repeat(np.arange(C), field_height * field_width).reshape(-1, 1)
    return (k, i, j)


def conv_forward_indices(X, W, b, stride=1, padding=1):
    n_filters, d_filter, h_filter, w_filter = W.shape
    n_x, d_x, h_x, w_x = X.shape
    h_out = (h_x - h_filter + 2 * padding) // stride + 1
    w_out = (w_x - w_filter + 2 * padding) // stride + 1
    p = padding
    x_padded = np.pad(X, ((0, 0), (0, 0), (p, p), (p, p)), mode="constant") if p else X
    k, i, j = patch_indices(X.shape, h_filter, w_filter, padding, stride)
    cols = x_padded[:, k, i, j].transpose(1, 2, 0).reshape(h_filter * w_filter * d_x, -1)
    out = W.reshape(n_filters, -1) @ cols + b
    return out.reshape(n_filters, h_out, w_out, n_x).transpose(3, 0, 1, 2)


def conv_strided(x, w):
    n, h, wd, c = x.shape
    kh, kw, _, _ = w.shape
    s0, s1, s2, s3 = x.strides
    view = as_strided(x, shape=(n, h - kh + 1, wd - kw + 1, kh, kw, c), strides=(s0, s1, s2, s1, s2, s3))
    return np.tensordot(view, w, axes=3)


def conv_fast_strides(x, w, b, pad=1, stride=1):
    """Strides counted by hand in items, then multiplied by itemsize."""
    N, C, H, W = x.shape
    F, _, HH, WW = w.shape
    x_padded = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="constant")
    H += 2 * pad
    W += 2 * pad
    out_h, out_w = (H - HH) // stride + 1, (W - WW) // stride + 1
    shape = (C, HH, WW, N, out_h, out_w)
    strides = x.itemsize * np.array((H * W, W, 1, C * H * W, stride * W, stride))
    x_stride = np.lib.stride_tricks.as_strided(x_padded, shape=shape, strides=strides)
    x_cols = np.ascontiguousarray(x_stride)
    x_cols.shape = (C * HH * WW, N * out_h * out_w)
    res = w.reshape(F, -1).dot(x_cols) + b.reshape(-1, 1)
    res.shape = (F, N, out_h, out_w)
    return np.ascontiguousarray(res.transpose(1, 0, 2, 3))


def conv_windows_einsum(x, w, dilation=1):
    windows = sliding_window_view(x, (dilation * 2 + 1, dilation * 2 + 1), axis=(2, 3))[..., ::dilation, ::dilation]
    return np.einsum("nchwij,fcij->nfhw", windows, w, optimize=True)


class ScipyConv:
    """One sample, a bias for each output pixel, correlate2d channel by channel."""

    def __init__(self, depth, input_shape, kernel_size, draw):
        input_depth, h, w = input_shape
        self.depth, self.input_depth = depth, input_depth
        self.kernels = draw(depth, input_depth, kernel_size, kernel_size)
        self.biases = draw(depth, h - kernel_size + 1, w - kernel_size + 1)

    def forward(self, input):
        self.input = input
        self.output = np.copy(self.biases)
        for i in range(self.depth):
            for j in range(self.input_depth):
                self.output[i] += signal.correlate2d(self.input[j], self.kernels[i, j], "valid")
        return self.output


def conv_scipy_flipped(x, kernels, mode="same"):
    maps = [signal.convolve2d(x, np.rot90(k, 2), mode=mode) for k in kernels]
    return np.tanh(np.dstack(maps))


def signal_full_1d(x, h):
    return np.convolve(x, h, mode="full") + np.convolve(x[::-1], h, "same").sum()


def correlate_1d_batch(x, w, b):
    rows = [np.correlate(row, w, mode="valid") for row in x]
    return np.vstack(rows) + b


def conv1d_loop(x, w, b, stride=2):
    N, C_in, L = x.shape
    C_out, _, K = w.shape
    L_out = (L - K) // stride + 1
    Z = np.zeros((N, C_out, L_out))
    for l in range(L_out):
        begin = l * stride
        Z[:, :, l] = np.tensordot(x[:, :, begin : begin + K], w, axes=([1, 2], [1, 2]))
    return Z + b[None, :, None]


def depthwise_separable(x, w_dw, w_pw):
    N, C, H, W = x.shape
    k = w_dw.shape[-1]
    out = np.zeros((N, C, H - k + 1, W - k + 1), dtype=x.dtype)
    for i in range(k):
        for j in range(k):
            out += x[:, :, i : i + H - k + 1, j : j + W - k + 1] * w_dw[:, i, j].reshape(1, -1, 1, 1)
    return np.einsum("nchw,cd->ndhw", out, w_pw)


def transposed_conv(x, w, stride=2):
    N, C_in, H, W = x.shape
    _, C_out, k, _ = w.shape
    out = np.zeros((N, C_out, (H - 1) * stride + k, (W - 1) * stride + k))
    for i in range(H):
        for j in range(W):
            patch = np.tensordot(x[:, :, i, j], w, axes=([1], [0]))
            out[:, :, i * stride : i * stride + k, j * stride : j * stride + k] += patch
    return out


def upsample_by_zeros(x, w):
    """Transposed convolution by dilating with zeros, then a convolution with the kernel turned."""
    h, wd = x.shape
    dilated = np.zeros((2 * h - 1, 2 * wd - 1))
    dilated[::2, ::2] = x
    padded = np.pad(dilated, w.shape[0] - 1)
    flipped = np.flipud(np.fliplr(w))
    out = []
    for i in range(padded.shape[0] - w.shape[0] + 1):
        line = []
        for j in range(padded.shape[1] - w.shape[1] + 1):
            line.append(np.sum(padded[i : i + w.shape[0], j : j + w.shape[1]] * flipped))
        out.append(line)
    return np.array(out)


def col2im_add_at(cols, shape, k):
    N, C, H, W = shape
    padded = np.zeros((N, C, H + 2, W + 2), dtype=cols.dtype)
    kk, ii, jj = patch_indices(shape, k, k, 1, 1)
    reshaped = cols.reshape(C * k * k, -1, N).transpose(2, 0, 1)
    np.add.at(padded, (slice(None), kk, ii, jj), reshaped)
    return padded[:, :, 1:-1, 1:-1]


def fft_convolution(x, k):
    size = [a + b - 1 for a, b in zip(x.shape, k.shape)]
    spectrum = np.fft.rfft2(x, size) * np.fft.rfft2(k, size)
    return np.fft.irfft2(spectrum, size)


class Conv3x3:
    """Regions come from a generator; one image, no bias."""

    def __init__(self, filters):
        self.filters = filters

    def iterate_regions(self, image):
        h, w = image.shape
        for i in range(h - 2):
            for j in range(w - 2):
                yield image[i : (i + 3), j : (j + 3)], i, j

    def forward(self, image):
        h, w = image.shape
        output = np.zeros((h - 2, w - 2, len(self.filters)))
        for region, i, j in self.iterate_regions(image):
            output[i, j] = np.sum(region * self.filters, axis=(1, 2))
        return output


def grouped_conv(x, w, groups=2):
    parts = zip(np.split(x, groups, axis=1), np.array_split(w, groups, axis=0))
    return np.concatenate([conv_windows_einsum(a, b) for a, b in parts], axis=1)


convolution = Convolution(draw(3, 2, 2, 2), draw(3), stride=2, pad=1)
conv_x = draw(2, 2, 4, 5)
scipy_conv = ScipyConv(2, (2, 4, 5), 3, draw)
scipy_x = draw(2, 4, 5)
regions = Conv3x3(draw(2, 3, 3))
image = draw(5, 4)

CASES = [
    on(conv_forward_naive, draw(2, 2, 4, 3), draw(2, 2, 3, 3), draw(2), {"stride": 1, "pad": 1}, wrt="x w b"),
    on(
        conv_forward_channels_last,
        draw(2, 4, 4, 2),
        draw(2, 2, 2, 3),
        draw(1, 1, 1, 3),
        {"stride": 2, "pad": 1},
        wrt="A_prev W b",
    ),
    Case(
        "Convolution im2col", lambda: convolution.forward(conv_x), {"x": conv_x, "W": convolution.W, "b": convolution.b}
    ),
    on(conv_forward_indices, draw(2, 2, 4, 4), draw(3, 2, 3, 3), draw(3, 1), wrt="X W b"),
    on(conv_strided, draw(2, 4, 5, 2), draw(3, 2, 2, 3), wrt="x w"),
    on(conv_fast_strides, draw(2, 2, 4, 3), draw(2, 2, 3, 3), draw(2), wrt="x w b"),
    on(conv_windows_einsum, draw(1, 2, 6, 7), draw(2, 2, 3, 3), 2, wrt="x w"),
    Case(
        "ScipyConv",
        lambda: scipy_conv.forward(scipy_x),
        {"x": scipy_x, "k": scipy_conv.kernels, "b": scipy_conv.biases},
    ),
    on(conv_scipy_flipped, draw(4, 5), [draw(3, 3), draw(3, 3)], wrt="x"),
    on(signal_full_1d, draw(7), draw(3), wrt="x h"),
    on(correlate_1d_batch, draw(3, 6), draw(3), draw(4), wrt="x w b"),
    on(conv1d_loop, draw(2, 2, 7), draw(3, 2, 3), draw(3), wrt="x w b"),
    on(depthwise_separable, draw(2, 3, 4, 4), draw(3, 2, 2), draw(3, 2), wrt="x w_dw w_pw"),
    on(transposed_conv, draw(1, 2, 2, 3), draw(2, 2, 3, 3), wrt="x w"),
    on(upsample_by_zeros, draw(2, 2), draw(3, 3), wrt="x w"),
    on(col2im_add_at, draw(18, 18), (2, 2, 3, 3), 3, wrt="cols"),
    on(fft_convolution, draw(4, 5), draw(2, 3), wrt="x k"),
    Case("Conv3x3 regions", lambda: regions.forward(image), {"image": image, "filters": regions.filters}),
    on(grouped_conv, draw(1, 4, 4, 4), draw(4, 2, 3, 3), wrt="x w"),
]
