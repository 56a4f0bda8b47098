# ruff: noqa
"""Batch, layer, group, instance and other normalisations."""

import numpy as np
from forwards._case import Case, draws, on

draw = draws(61)


def batchnorm_forward(x, gamma, beta, bn_param):
    mode = bn_param["mode"]
    eps = bn_param.get("eps", 1e-5)
    momentum = bn_param.get("momentum", 0.9)
    N, D = x.shape
    running_mean = bn_param.get("running_mean", np.zeros(D, dtype=x.dtype))
    running_var = bn_param.get("running_var", np.zeros(D, dtype=x.dtype))
    if mode == "train":
        sample_mean = x.mean(axis=0)
        sample_var = x.var(axis=0)
        std = np.sqrt(sample_var + eps)
        x_hat = (x - sample_mean) / std
        out = gamma * x_hat + beta
        running_mean = momentum * running_mean + (1 - momentum) * sample_mean
        running_var = momentum * running_var + (1 - momentum) * sample_var
        cache = (x_hat, gamma, std)
    elif mode == "test":
        out = gamma * (x - running_mean) / np.sqrt(running_var + eps) + beta
        cache = None
    else:
        raise ValueError('Invalid forward batchnorm mode "%s"' % mode)
    bn_param["running_mean"] = running_mean
    bn_param["running_var"] = running_var
    return out, cache


def batchnorm_steps(x, gamma, beta, eps):
    """Every node of the graph has its own line."""
    N, D = x.shape
    mu = 1.0 / N * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu**2
    var = 1.0 / N * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + eps)
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    gammax = gamma * xhat
    out = gammax + beta
    return out, (xhat, gamma, xmu, ivar, sqrtvar, var, eps)


def spatial_batchnorm(x, gamma, beta):
    N, C, H, W = x.shape
    flat = x.transpose(0, 2, 3, 1).reshape(N * H * W, C)
    out, _ = batchnorm_forward(flat, gamma, beta, {"mode": "train"})
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2)


class BatchNormalization:
    """Buffers appear at the first forward; running statistics are written in place."""

    def __init__(self, gamma, beta, momentum=0.9):
        self.gamma, self.beta, self.momentum = gamma, beta, momentum
        self.running_mean = None
        self.running_var = None

    def forward(self, x, train_flg=True):
        self.input_shape = x.shape
        if x.ndim != 2:
            x = x.reshape(x.shape[0], -1)
        if self.running_mean is None:
            D = x.shape[1]
            self.running_mean = np.zeros(D)
            self.running_var = np.zeros(D)
        if train_flg:
            mu = x.mean(axis=0)
            xc = x - mu
            var = np.mean(xc**2, axis=0)
            std = np.sqrt(var + 10e-7)
            xn = xc / std
            self.xc, self.xn, self.std = xc, xn, std
            self.running_mean *= self.momentum
            self.running_mean += (1 - self.momentum) * mu
            self.running_var[:] = self.momentum * self.running_var + (1 - self.momentum) * var
        else:
            xn = (x - self.running_mean) / np.sqrt(self.running_var + 10e-7)
        return (self.gamma * xn + self.beta).reshape(*self.input_shape)


def layernorm(x, g, b, eps=1e-5):
    mean = np.mean(x, axis=-1, keepdims=True)
    variance = np.var(x, axis=-1, keepdims=True)
    return g * (x - mean) / np.sqrt(variance + eps) + b


def layernorm_transposed(x, gamma, beta):
    xT = x.T
    std = np.std(xT, axis=0, ddof=1)
    return (gamma.reshape(-1, 1) * ((xT - np.mean(xT, axis=0)) / (std + 1e-6)) + beta.reshape(-1, 1)).T


def groupnorm(x, gamma, beta, G, eps=1e-5):
    N, C, H, W = x.shape
    x = x.reshape((N * G, -1)).T
    mu, var = np.mean(x, axis=0), np.var(x, axis=0)
    x = (x - mu) / np.sqrt(var + eps)
    x = x.T.reshape((N, C, H, W))
    return gamma * x + beta


def instance_norm_loop(x, scale):
    out = np.zeros_like(x)
    for n in range(x.shape[0]):
        for c, plane in enumerate(x[n]):
            out[n, c] = scale[c] * (plane - plane.mean()) / np.sqrt(plane.var() + 1e-5)
    return out


def rmsnorm(x, weight, eps=1e-6):
    return x * np.reciprocal(np.sqrt(np.mean(np.square(x), -1, keepdims=True) + eps)) * weight


def weight_norm(x, v, g):
    w = g[:, None] * v / np.linalg.norm(v, axis=1)[:, None]
    return x @ w.T


class SpectralNorm:
    """Power iteration updates a buffer that is carried from call to call."""

    def __init__(self, W, u):
        self.W, self.u = W, u

    def forward(self, x):
        u = self.u.copy()
        for _ in range(25):
            v = self.W.T @ u
            v /= np.linalg.norm(v)
            u = self.W @ v
            u /= np.linalg.norm(u)
        sigma = u @ self.W @ v
        return x @ (self.W / sigma).T


def local_response_norm(x, n=3, k=2, alpha=1e-1, beta=0.75):
    N, C, H, W = x.shape
    squared = x**2
    scale = np.zeros_like(x) + k
    for c in range(C):
        lo, hi = max(0, c - n // 2), min(C, c + n // 2 + 1)
        scale[:, c] += alpha * squared[:, lo:hi].sum(axis=1)
    return x / scale**beta


def standardize_columns(data, w):
    """Scaling in place on a copy, columns one after another."""
    data = data.copy()
    for col in range(data.shape[1]):
        data[:, col] -= data[:, col].mean()
        data[:, col] /= data[:, col].std()
    return data.dot(w)


def min_max_rows(x):
    return np.array([(row - row.min()) / (row.max() - row.min()) for row in x])


def l2_normalize_inplace(x):
    y = np.asarray(x, dtype=np.float64).copy()
    y /= np.sqrt(np.einsum("ij,ij->i", y, y))[:, np.newaxis]
    return y


def whiten(x, w):
    """Cholesky whitening of a batch."""
    xc = x - x.mean(0)
    cov = xc.T @ xc / (len(x) - 1) + 0.1 * np.eye(x.shape[1])
    L = np.linalg.cholesky(cov)
    return np.linalg.solve(L, xc.T).T @ w


def dropout_forward(x, p, seed):
    np.random.seed(seed)
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, mask


class Dropout:
    def __init__(self, ratio):
        self.ratio = ratio

    def forward(self, x, train_flg=True):
        if train_flg:
            self.mask = np.random.rand(*x.shape) > self.ratio
            return x * self.mask
        return x * (1.0 - self.ratio)


class NoisyLayer:
    """Owns a Generator, whose state moves on at every call."""

    def __init__(self, W):
        self.W = W
        self.rng = np.random.default_rng(7)

    def forward(self, x):
        keep = self.rng.binomial(1, 0.7, size=x.shape)
        noise = self.rng.normal(0.0, 0.1, size=self.W.shape)
        return (x * keep / 0.7) @ (self.W + noise * np.abs(self.W))


bn_params = {"mode": "test", "running_mean": draw(3), "running_var": draw(3) ** 2}
bn_layer = BatchNormalization(draw(12), draw(12))
bn_x = draw(5, 3, 2, 2)
spectral, spectral_x = SpectralNorm(draw(3, 4), draw(3)), draw(2, 4)
drop, drop_x = Dropout(0.4), draw(4, 5)
noisy, noisy_x = NoisyLayer(draw(4, 3)), draw(3, 4)

CASES = [
    on(
        batchnorm_forward,
        draw(5, 3),
        draw(3),
        draw(3),
        {"mode": "train"},
        wrt="x gamma beta",
        name="batchnorm_forward train",
    ),
    on(batchnorm_forward, draw(5, 3), draw(3), draw(3), bn_params, wrt="x gamma beta", name="batchnorm_forward test"),
    on(batchnorm_steps, draw(5, 3), draw(3), draw(3), 1e-5, wrt="x gamma beta"),
    on(spatial_batchnorm, draw(2, 3, 2, 2), draw(3), draw(3), wrt="x gamma beta"),
    Case(
        "BatchNormalization",
        lambda: bn_layer.forward(bn_x),
        {"x": bn_x, "gamma": bn_layer.gamma, "beta": bn_layer.beta},
    ),
    on(layernorm, draw(2, 3, 4), draw(4), draw(4), wrt="x g b"),
    on(layernorm_transposed, draw(3, 4), draw(4), draw(4), wrt="x gamma beta"),
    on(groupnorm, draw(2, 4, 2, 3), draw(1, 4, 1, 1), draw(1, 4, 1, 1), 2, wrt="x gamma beta"),
    on(instance_norm_loop, draw(2, 2, 3, 3), draw(2), wrt="x scale"),
    on(rmsnorm, draw(2, 3, 4), draw(4), wrt="x weight"),
    on(weight_norm, draw(2, 4), draw(3, 4), draw(3), wrt="x v g"),
    Case("SpectralNorm", lambda: spectral.forward(spectral_x), {"x": spectral_x, "W": spectral.W}),
    on(local_response_norm, draw(2, 4, 2, 2), wrt="x"),
    on(standardize_columns, draw(5, 3), draw(3), wrt="data w"),
    on(min_max_rows, draw(3, 5), wrt="x"),
    on(l2_normalize_inplace, draw(3, 4), wrt="x"),
    on(whiten, draw(6, 3), draw(3, 2), wrt="x w"),
    on(dropout_forward, draw(4, 5), 0.6, 3, wrt="x"),
    Case("Dropout", lambda: drop.forward(drop_x), {"x": drop_x}),
    Case("Generator in an attribute", lambda: noisy.forward(noisy_x), {"x": noisy_x, "W": noisy.W}),
]
