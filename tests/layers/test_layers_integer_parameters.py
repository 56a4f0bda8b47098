"""A parameter kept as integers is refused where a gradient of it is given; it is never left out in silence."""

import numpy as np
import pytest

from gradcheck import GradcheckError, check_layer, check_network, from_update

X = np.random.default_rng(0).standard_normal((4, 3))


class Linear:
    def __init__(self, dtype=int):
        self.W, self.b = np.array([[1, 2], [3, 4], [0, 1]], dtype=dtype), np.zeros(2)
        self.labels = np.array([0, 1, 1, 0])

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        self.dlabels = np.ones(4)
        return dout @ self.W.T


class Returning(Linear):
    def backward(self, dout):
        dW, db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T, {"dW": dW, "db": db}


class Net(Linear):
    def loss(self):
        self.out = self.forward(X)
        return 0.5 * (self.out**2).sum()

    def gradients(self):
        self.loss()
        return {"W": X.T @ self.out, "b": self.out.sum(axis=0)}

    def stores(self):
        self.grads = self.gradients()

    def step(self):
        found = self.gradients()
        self.W, self.b = self.W - 0.01 * found["W"], self.b - 0.01 * found["b"]


def by(gradients, dtype=int):
    net = Net(dtype)
    return check_network(net, loss=net.loss, gradients=gradients(net))


REMEDY = r"parameter W: it is an array of integers \(int64\).*W = W\.astype\(float\)"


@pytest.mark.parametrize("layer", [Linear, Returning])
def test_a_layer(layer):
    with pytest.raises(GradcheckError, match=REMEDY):
        check_layer(layer(), X)
    assert check_layer(layer(float), X).ok


HOW = [lambda net: net.gradients, lambda net: net.stores, lambda net: from_update(net.step, lr=0.01)]


@pytest.mark.parametrize("how", HOW, ids=["returned", "stored", "update"])
def test_a_network(how):
    with pytest.raises(GradcheckError, match=REMEDY):
        by(how)
    assert by(how, float).ok
