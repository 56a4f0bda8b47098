"""One small network whose parameters are kept in every way, beside its right gradients."""

from collections import OrderedDict

import numpy as np

X = np.random.default_rng(0).standard_normal((5, 4))
T = np.random.default_rng(1).standard_normal((5, 2))


class Net:
    """tanh(X W1 + b1) W2 + b2, half the squared error; parameters wherever ``arrays`` says."""

    def __init__(self):
        rng = np.random.default_rng(2)
        self.keep([rng.standard_normal(s) for s in ((4, 3), (3,), (3, 2), (2,))])

    def keep(self, arrays):
        self.W1, self.b1, self.W2, self.b2 = arrays

    def arrays(self):
        return self.W1, self.b1, self.W2, self.b2

    def loss(self):
        w1, b1, w2, b2 = self.arrays()
        self.h = np.tanh(X @ w1 + b1)
        self.r = self.h @ w2 + b2 - T
        return 0.5 * np.sum(self.r**2)

    def gradients(self):
        _, _, w2, _ = self.arrays()
        d = (self.r @ w2.T) * (1 - self.h**2)
        return X.T @ d, d.sum(0), self.h.T @ self.r, self.r.sum(0)

    def named(self):
        return dict(zip(("W1", "b1", "W2", "b2"), self.gradients(), strict=True))


class Dicts(Net):
    def keep(self, arrays):
        self.params = dict(zip(("W1", "b1", "W2", "b2"), arrays, strict=True))

    def arrays(self):
        return tuple(self.params.values())


class Lists(Net):
    def keep(self, arrays):
        self.weights, self.biases = arrays[::2], arrays[1::2]

    def arrays(self):
        return self.weights[0], self.biases[0], self.weights[1], self.biases[1]


class Tuples(Net):
    def keep(self, arrays):
        self.layers = [(arrays[0], arrays[1], np.tanh), (arrays[2], arrays[3], None)]

    def arrays(self):
        return tuple(a for layer in self.layers for a in layer[:2])


class Layers(Net):
    def keep(self, arrays):
        class Layer:
            pass

        self.hidden, self.output = Layer(), Layer()
        self.hidden.W, self.hidden.b, self.output.W, self.output.b = arrays

    def arrays(self):
        return self.hidden.W, self.hidden.b, self.output.W, self.output.b


class NestedDicts(Net):
    def keep(self, arrays):
        self.params = OrderedDict(one={"W": arrays[0], "b": arrays[1]}, two={"W": arrays[2], "b": arrays[3]})

    def arrays(self):
        return tuple(a for layer in self.params.values() for a in layer.values())
