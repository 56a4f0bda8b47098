"""A small problem whose update is written by hand, with moments that are kept beside the weights."""

import numpy as np

__all__ = ["Problem"]


class Problem:
    """A least-squares problem with two parameters."""

    def __init__(self, move, dtype=np.float64):
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(9, 4)).astype(dtype), rng.normal(size=(9, 3)).astype(dtype)
        self.W, self.b = rng.normal(size=(4, 3)).astype(dtype), rng.normal(size=3).astype(dtype)
        self.m, self.v = {"W": 0.0, "b": 0.0}, {"W": 0.0, "b": 0.0}
        self.t = 0
        self.move = move

    def loss(self):
        return ((self.x @ self.W + self.b - self.y) ** 2).sum() / 18

    def step(self):
        delta = (self.x @ self.W + self.b - self.y) / 9
        self.t += 1
        for name, g in {"W": self.x.T @ delta, "b": delta.sum(0)}.items():
            setattr(self, name, self.move(self, name, getattr(self, name), g))
