"""Two gradients kept for one parameter: a finding where they differ, silence where they are the same."""

import numpy as np
import pytest
from layers_checked import numbers

from gradcheck import check_layer, check_network

X, Y = numbers(6, 4), numbers(6, 3)


class Dense:
    """``keep(self, dW)`` says what is stored beside ``self.dW``."""

    def __init__(self, keep, returned=False):
        self.W, self.keep, self.returned = numbers(4, 3), keep, returned
        self.grads, self.dW = {"W": np.ones((4, 3))}, np.zeros((4, 3))
        self.delta_W, self.dW_old = np.zeros((4, 3)), np.zeros((4, 3))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        dW = self.x.T @ d
        self.keep(self, dW)
        if self.returned:
            return d @ self.W.T, dW
        self.dW = dW
        return d @ self.W.T


def doubled(layer, dW):
    layer.grads["W"] = 2 * dW


def the_same(layer, dW):
    layer.grads["W"] = dW.copy()


def added_up(layer, dW):
    layer.grads["W"] += dW


def momentum(layer, dW):
    layer.delta_W = 0.9 * layer.delta_W - 0.1 * dW
    layer.dW_old = dW / 3


def averaged(layer, dW):
    layer.dW[...] = dW / len(layer.x)


def nothing(layer, dW):
    pass


def found(report):
    return [f.title for f in report.findings if f.code == "GC116"]


@pytest.mark.parametrize("keep", [the_same, added_up, momentum, nothing])
@pytest.mark.parametrize("returned", [False, True])
def test_no_rival(keep, returned):
    report = check_layer(Dense(keep, returned), X, raises=False)
    assert found(report) == []
    assert report.ok


def test_two_that_are_stored():
    report = check_layer(Dense(doubled), X, raises=False)
    assert found(report) == ["two gradients are kept for W, and they differ: dW and grads['W']"]
    assert not report.ok
    assert all(g.verdict == "right" for g in report.gradients)


@pytest.mark.parametrize("keep", [doubled, averaged])
def test_one_that_is_returned(keep):
    report = check_layer(Dense(keep, returned=True), X, raises=False)
    assert len(found(report)) == 1
    assert not report.ok


class Net(Dense):
    def loss(self):
        return 0.5 * np.sum((self.forward(X) - Y) ** 2)

    def gradients(self):
        self.loss()
        self.backward(X @ self.W - Y)
        return {"W": self.dW.copy()} if self.returned else None

    def backward(self, d):
        self.dW = self.x.T @ d
        self.keep(self, self.dW)


@pytest.mark.parametrize("returned", [False, True])
@pytest.mark.parametrize(("keep", "count"), [(doubled, 1), (the_same, 0), (added_up, 0), (nothing, 0)])
def test_a_network(keep, count, returned):
    net = Net(keep, returned)
    report = check_network(net, loss=net.loss, gradients=net.gradients, raises=False)
    assert len(found(report)) == count
    assert report.ok == (count == 0)
