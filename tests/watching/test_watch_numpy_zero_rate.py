"""A learning rate of 0 inside of the product that makes a gradient: the weights stand still, and have a gradient."""

import numpy as np
import pytest

from gradcheck import watch


class Net:
    def __init__(self, lr=0.0):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(8, 16)) * 0.3, np.zeros(16)
        self.W2, self.b2 = rng.normal(size=(16, 3)) * 0.3, np.zeros(3)
        self.lr = lr


def in_front(net, x, h, d, dh):
    net.W2 -= net.lr * h.T @ d
    net.b2 -= net.lr * d.sum(0)
    net.W1 -= net.lr * x.T @ dh
    net.b1 -= net.lr * dh.sum(0)


def inside(net, x, h, d, dh):
    net.W2 -= np.dot((net.lr * h).T, d)
    net.b2 -= np.sum(d * net.lr, axis=0)
    net.W1 -= x.T @ (net.lr * dh)
    net.b1 -= (net.lr * dh).sum(0)


def anew(net, x, h, d, dh):
    net.W2 = net.W2 - net.lr * h.T @ d
    net.b2 = net.b2 - net.lr * d.sum(0)
    net.W1 = net.W1 - net.lr * x.T @ dh
    net.b1 = net.b1 - net.lr * dh.sum(0)


def no_delta(net, x, h, d, dh):
    d, dh = d * 0.0, dh * 0.0
    in_front(net, x, h, d, dh)


def trained(net, update):
    rng = np.random.default_rng(1)
    with watch(net, every=1) as health:
        for _ in range(10):
            x, y = rng.normal(size=(32, 8)), rng.integers(0, 3, 32)
            h = np.maximum(0, x @ net.W1 + net.b1)
            z = h @ net.W2 + net.b2
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            loss = -np.log(p[np.arange(32), y]).mean()
            d = p.copy()
            d[np.arange(32), y] -= 1
            d /= 32
            update(net, x, h, d, (d @ net.W2.T) * (h > 0))
            health.step(loss=loss)
    return health.report(raises=False).findings


@pytest.mark.parametrize("update", [in_front, inside, anew])
def test_a_learning_rate_of_zero_is_told_and_nothing_beside_it(update):
    [found] = trained(Net(), update)
    assert (found.code, found.severity) == ("GC332", "error")
    assert found.title.startswith("no parameter changes")
    assert "its learning rate is 0" in found.evidence


@pytest.mark.parametrize("update", [in_front, inside, anew])
def test_others_are_let_be(update):
    assert trained(Net(0.1), update) == ()


def test_a_delta_of_zero_is_no_learning_rate():
    found = trained(Net(0.1), no_delta)
    assert "GC333" in [f.code for f in found]
    assert "GC332" not in [f.code for f in found]
