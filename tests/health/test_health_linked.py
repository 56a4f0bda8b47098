"""Symptoms of a layer whose gradient a check has found wrong say so; those of others do not."""

import numpy as np
import pytest

from gradcheck import check_network, watch


class Net:
    """Two layers; ``wrong`` leaves the derivative of the ReLU out."""

    def __init__(self, wrong, scale=1.0):
        rng = np.random.default_rng(0)
        self.W1, self.W2 = rng.normal(size=(8, 16)) * 0.5, rng.normal(size=(16, 3)) * 0.3
        self.wrong, self.scale = wrong, scale

    def loss(self, x, y):
        self.h = np.maximum(0, x @ self.W1)
        self.delta = self.h @ self.W2 - y
        return 0.5 * np.mean(np.sum(self.delta**2, axis=1))

    def backward(self, x, y):
        self.loss(x, y)
        delta = self.delta / len(x)
        below = delta @ self.W2.T * (1.0 if self.wrong else self.h > 0)
        return {"W1": x.T @ below, "W2": self.h.T @ delta}

    def train_step(self, x, y, lr):
        gradients = self.backward(x, y)
        self.W1 -= lr * gradients["W1"]
        self.W2 -= lr * gradients["W2"]
        return self.loss(x, y)


def watched(wrong, checked, name="Net"):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(64, 8)), rng.normal(size=(64, 3))
    net = Net(wrong)
    if checked:
        check_network(
            net, loss=lambda: net.loss(x, y), gradients=lambda: net.backward(x, y), raises=False, budget=50, name=name
        )
    with np.errstate(all="ignore"), watch(net) as health:
        for _ in range(8):
            health.step(loss=net.train_step(x, y, 50.0))
    return health.report()


def told(report):
    return [(f.layer, f.gradient, line) for f in report.findings for line in f.cause if "mend it first" in line]


def test_a_symptom_of_a_layer_with_a_wrong_gradient_says_so():
    report = watched(wrong=True, checked=True)
    lines = told(report)
    assert lines
    assert all("the gradient of W1 is wrong (the check of Net found dW1 wrong" in line for _, _, line in lines)


@pytest.mark.parametrize(("wrong", "checked"), [(False, True), (True, False)])
def test_nothing_is_said_where_no_check_failed(wrong, checked):
    assert told(watched(wrong, checked)) == []


def test_a_check_that_passes_later_takes_it_back():
    assert told(watched(wrong=True, checked=True))
    assert told(watched(wrong=False, checked=True)) == []
