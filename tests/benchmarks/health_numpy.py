"""A network in NumPy with a backward by hand, healthy by default and broken by options, to be watched."""

import itertools
from collections.abc import Callable

import numpy as np
from digits import batches, load, one_hot

__all__ = ["Net", "NumpyTraining"]


class Net:
    """Layers of units with one activation between them; softmax and cross-entropy at the end."""

    def __init__(self, sizes, activation="relu", seed=0, scale=1.0):
        rng = np.random.default_rng(seed)
        self.activation = activation
        gain = 2.0 if activation == "relu" else 1.0
        self.W = [rng.normal(size=(n, m)) * scale * np.sqrt(gain / n) for n, m in itertools.pairwise(sizes)]
        self.b = [np.zeros(m) for m in sizes[1:]]
        self.moved = [np.zeros_like(w) for w in self.W]

    def act(self, z):
        if self.activation == "relu":
            return np.maximum(0, z)
        if self.activation == "tanh":
            return np.tanh(z)
        return 1 / (1 + np.exp(-z))

    def slope(self, a):
        if self.activation == "relu":
            return (a > 0).astype(a.dtype)
        return 1 - a**2 if self.activation == "tanh" else a * (1 - a)

    def forward(self, x):
        self.a = [x]
        for W, b in zip(self.W[:-1], self.b[:-1], strict=True):
            self.a.append(self.act(self.a[-1] @ W + b))
        z = self.a[-1] @ self.W[-1] + self.b[-1]
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p

    def loss(self, x, y):
        p = self.forward(x)
        return -np.mean(np.log(p[np.arange(len(y)), y]))

    def backward(self, y):
        delta = (self.p - one_hot(y)) / len(y)
        self.dW, self.db = [None] * len(self.W), [None] * len(self.W)
        for k in reversed(range(len(self.W))):
            self.dW[k] = self.a[k].T @ delta
            self.db[k] = delta.sum(axis=0)
            if k:
                delta = (delta @ self.W[k].T) * self.slope(self.a[k])

    def update(self, lr, momentum=0.0):
        for k in range(len(self.W)):
            self.moved[k] *= momentum
            self.moved[k] -= lr * self.dW[k]
            self.W[k] += self.moved[k]
            self.b[k] -= lr * self.db[k]


class NumpyTraining:
    """A NumPy network and its loop."""

    def __init__(self, net: Net, lr: float, momentum: float = 0.0, steps: int = 120, seed: int = 0, scale: float = 1.0):
        self.model, self.lr, self.momentum, self.steps, self.seed, self.scale = net, lr, momentum, steps, seed, scale

    def run(self, mark: Callable[..., object] = lambda **_: None) -> list[float]:
        """Train, telling ``mark`` of each step; give the losses."""
        x, y, _, _ = load(-1.0, 1.0)
        losses = []
        with np.errstate(all="ignore"):
            for k, rows in enumerate(batches(len(x), 64, 100, self.seed)):
                if k == self.steps:
                    break
                loss = self.model.loss(x[rows] * self.scale, y[rows])
                self.model.backward(y[rows])
                self.model.update(self.lr, self.momentum)
                mark(loss=loss)
                losses.append(float(loss))
        return losses
