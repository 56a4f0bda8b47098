"""One network, 5 -> 4 tanh -> 3 softmax with cross-entropy, written in the ways that people write it."""

import functools

import numpy as np

RATE = 0.1
BATCH = 8


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(BATCH, 5)), rng.integers(0, 3, BATCH)


def start():
    rng = np.random.default_rng(1)
    return [rng.normal(size=(5, 4)), rng.normal(size=4) * 0.1, rng.normal(size=(4, 3)), rng.normal(size=3) * 0.1]


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def truth(W1, b1, W2, b2, x, y):
    """The gradients, and the deltas by the layers' outputs, of the mean cross-entropy."""
    h = np.tanh(x @ W1 + b1)
    d2 = softmax(h @ W2 + b2)
    loss = -np.log(d2[np.arange(len(x)), y]).mean()
    d2[np.arange(len(x)), y] -= 1
    d2 /= len(x)
    dh = d2 @ W2.T
    d1 = dh * (1 - h * h)
    return {"gradients": [x.T @ d1, d1.sum(0), h.T @ d2, d2.sum(0)], "d1": d1, "dh": dh, "d2": d2, "h": h, "loss": loss}


class Attributes:
    """self.W1 and self.dW1; moved in place."""

    names = ("W1", "b1", "W2", "b2")

    def __init__(self):
        self.W1, self.b1, self.W2, self.b2 = start()

    def step(self, x, y):
        self.x = x
        self.h = np.tanh(x @ self.W1 + self.b1)
        self.p = softmax(self.h @ self.W2 + self.b2)
        delta = self.p.copy()
        delta[np.arange(len(x)), y] -= 1
        delta /= len(x)
        self.dW2 = self.h.T @ delta
        self.db2 = delta.sum(axis=0)
        delta = (delta @ self.W2.T) * (1 - self.h**2)
        self.dW1 = self.x.T @ delta
        self.db1 = delta.sum(axis=0)
        for name in self.names:
            parameter = getattr(self, name)
            parameter -= RATE * getattr(self, "d" + name)


class Rebinding(Attributes):
    """New arrays at every step; the gradients are local."""

    def step(self, x, y):
        z1 = x.dot(self.W1) + self.b1
        h = np.tanh(z1)
        z2 = h.dot(self.W2) + self.b2
        delta2 = (softmax(z2) - np.eye(3)[y]) / x.shape[0]
        grad_W2 = np.dot(h.T, delta2)
        grad_b2 = np.sum(delta2, axis=0)
        delta1 = np.dot(delta2, self.W2.T) * (1 - np.tanh(z1) ** 2)
        grad_W1 = np.dot(x.T, delta1)
        grad_b1 = np.sum(delta1, axis=0)
        self.W1 = self.W1 - RATE * grad_W1
        self.b1 = self.b1 - RATE * grad_b1
        self.W2 = self.W2 - RATE * grad_W2
        self.b2 = self.b2 - RATE * grad_b2


class Dicts:
    """self.params["W1"] and grads["W1"], handed to an update."""

    names = ("params['W1']", "params['b1']", "params['W2']", "params['b2']")

    def __init__(self):
        self.params = dict(zip(("W1", "b1", "W2", "b2"), start(), strict=True))

    def gradients(self, x, y):
        p = self.params
        h = np.tanh(x @ p["W1"] + p["b1"])
        delta = softmax(h @ p["W2"] + p["b2"])
        delta[np.arange(len(x)), y] -= 1
        delta /= len(x)
        grads = {"W2": h.T @ delta, "b2": delta.sum(0)}
        dh = delta @ p["W2"].T
        dz = dh * (1 - h * h)
        grads["W1"], grads["b1"] = x.T @ dz, dz.sum(0)
        return grads

    def step(self, x, y):
        grads = self.gradients(x, y)
        for name in self.params:
            self.params[name] -= RATE * grads[name]


class Dense:
    def __init__(self, W, b, f, df):
        self.W, self.b, self.f, self.df = W, b, f, df

    def forward(self, x):
        self.x = x
        self.a = self.f(x @ self.W + self.b)
        return self.a

    def backward(self, delta):
        delta = delta * self.df(self.a)
        self.dW = self.x.T @ delta
        self.db = delta.sum(axis=0)
        return delta @ self.W.T


class Layers:
    """A list of layer objects, with the optimizer as an object of its own."""

    names = ("layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b")

    def __init__(self):
        W1, b1, W2, b2 = start()
        self.layers = [
            Dense(W1, b1, np.tanh, lambda a: 1 - a**2),
            Dense(W2, b2, lambda z: z, np.ones_like),
        ]
        self.optimizer = GradientDescent(self.layers)

    def step(self, x, y):
        out = x
        for layer in self.layers:
            out = layer.forward(out)
        delta = (softmax(out) - np.eye(3)[y]) / len(x)
        for layer in reversed(self.layers):
            delta = layer.backward(delta)
        self.optimizer.step()


class GradientDescent:
    def __init__(self, layers):
        self.of = layers

    def step(self):
        for layer in self.of:
            layer.W -= RATE * layer.dW
            layer.b -= RATE * layer.db


class Tuples:
    """Layers are tuples, rebuilt by every step; deltas are units × batch."""

    names = ("layers[0][0]", "layers[0][1]", "layers[1][0]", "layers[1][1]")

    def __init__(self):
        W1, b1, W2, b2 = start()
        self.layers = [(W1, b1), (W2, b2)]

    def step(self, x, y):
        (W1, b1), (W2, b2) = self.layers
        h = np.tanh(x @ W1 + b1)
        d2 = (softmax(h @ W2 + b2) - np.eye(3)[y]).T / len(x)
        d1 = (1 - h * h).T * (W2 @ d2)
        gradients = [((d1 @ x).T, d1.sum(axis=1)), ((d2 @ h).T, d2.sum(axis=1))]
        self.layers = [(W - RATE * dW, b - RATE * db) for (W, b), (dW, db) in zip(self.layers, gradients, strict=True)]


class Columns:
    """Batch last: samples are columns, W is units × inputs, biases are columns."""

    names = ("W1", "b1", "W2", "b2")

    def __init__(self):
        W1, b1, W2, b2 = start()
        self.W1, self.b1, self.W2, self.b2 = W1.T.copy(), b1[:, None], W2.T.copy(), b2[:, None]

    def step(self, x, y):
        a0 = x.T
        m = a0.shape[1]
        a1 = np.tanh(np.dot(self.W1, a0) + self.b1)
        z2 = np.dot(self.W2, a1) + self.b2
        e = np.exp(z2 - z2.max(axis=0, keepdims=True))
        a2 = e / np.sum(e, axis=0, keepdims=True)
        dz2 = a2 - np.eye(3)[y].T
        dW2 = np.dot(dz2, a1.T) / m
        db2 = np.sum(dz2, axis=1, keepdims=True) / m
        dz1 = np.dot(self.W2.T, dz2) * (1 - np.power(a1, 2))
        dW1 = np.dot(dz1, a0.T) / m
        db1 = np.sum(dz1, axis=1, keepdims=True) / m
        self.W1 -= RATE * dW1
        self.b1 -= RATE * db1
        self.W2 -= RATE * dW2
        self.b2 -= RATE * db2


class OneByOne:
    """One sample at a time as a column, the gradients summed up in lists."""

    names = ("weights[0]", "biases[0]", "weights[1]", "biases[1]")

    def __init__(self):
        W1, b1, W2, b2 = start()
        self.weights = [W1.T.copy(), W2.T.copy()]
        self.biases = [b1[:, None], b2[:, None]]

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation, activations, zs = x, [x], []
        for i, (b, w) in enumerate(zip(self.biases, self.weights, strict=True)):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = np.tanh(z) if i == 0 else softmax(z.T).T
            activations.append(activation)
        delta = activations[-1] - y
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        delta = np.dot(self.weights[-1].transpose(), delta) * (1 - np.tanh(zs[0]) ** 2)
        nabla_b[0] = delta
        nabla_w[0] = np.dot(delta, activations[0].transpose())
        return nabla_b, nabla_w

    def step(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        for row, label in zip(x, y, strict=True):
            delta_b, delta_w = self.backprop(row[:, None], np.eye(3)[label][:, None])
            nabla_b = [nb + dnb for nb, dnb in zip(nabla_b, delta_b, strict=True)]
            nabla_w = [nw + dnw for nw, dnw in zip(nabla_w, delta_w, strict=True)]
        self.weights = [w - (RATE / len(x)) * nw for w, nw in zip(self.weights, nabla_w, strict=True)]
        self.biases = [b - (RATE / len(x)) * nb for b, nb in zip(self.biases, nabla_b, strict=True)]


OBJECTS = (Attributes, Rebinding, Dicts, Layers, Tuples, Columns, OneByOne)


def forward(params, x):
    h = np.tanh(x @ params["W1"] + params["b1"])
    return h, softmax(h @ params["W2"] + params["b2"])


def backward(params, h, p, x, y):
    delta = (p - np.eye(3)[y]) / len(x)
    below = (delta @ params["W2"].T) * (1 - h * h)
    return {"W1": x.T @ below, "b1": below.sum(axis=0), "W2": h.T @ delta, "b2": delta.sum(axis=0)}


def update(params, grads):
    for name in params:
        params[name] -= RATE * grads[name]


def functional_step(params, x, y):
    h, p = forward(params, x)
    update(params, backward(params, h, p, x, y))


def functional():
    """A dict of parameters that is passed around: what is watched, and the step."""
    params = dict(zip(("W1", "b1", "W2", "b2"), start(), strict=True))
    return params, functools.partial(functional_step, params)
