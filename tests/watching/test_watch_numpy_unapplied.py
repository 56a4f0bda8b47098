"""Weights that a NumPy training leaves as they are: with a gradient that nobody takes, and without one."""

import numpy as np
import pytest

from gradcheck import watch


class Net:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.W = rng.normal(size=(6, 8)) * 0.4
        self.b = np.zeros(8)
        self.V = rng.normal(size=(8, 3)) * 0.4
        self.grads = {}


def forward_and_delta(net, x, y):
    h = np.tanh(x @ net.W + net.b)
    z = h @ net.V
    e = np.exp(z - z.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    d = (p - np.eye(3)[y]) / len(y)
    return h, d, (d @ net.V.T) * (1 - h * h), -np.log(p[np.arange(len(y)), y]).mean()


def forgotten_weight(net, x, y):
    h, d, dh, loss = forward_and_delta(net, x, y)
    some = x.T @ dh  # whatever it is called
    db = dh.sum(0)
    assert some.shape == net.W.shape
    net.V -= 0.1 * h.T @ d
    net.b -= 0.1 * db
    return loss


def forgotten_bias(net, x, y):
    h, d, dh, loss = forward_and_delta(net, x, y)
    gW = x.T @ dh
    gb = dh.sum(axis=0)
    assert gb.size
    net.V -= 0.1 * h.T @ d
    net.W -= 0.1 * gW
    return loss


def into_a_copy(net, x, y):
    h, d, dh, loss = forward_and_delta(net, x, y)
    grads = {"W": x.T @ dh}
    W = net.W
    W = W - 0.1 * grads["W"]
    net.V -= 0.1 * h.T @ d
    net.b -= 0.1 * dh.sum(0)
    return loss


def kept_beside(net, x, y):
    h, d, dh, loss = forward_and_delta(net, x, y)
    net.grads["W"] = x.T @ dh
    net.V -= 0.1 * h.T @ d
    net.b -= 0.1 * dh.sum(0)
    return loss


def trained(step):
    rng = np.random.default_rng(1)
    net = Net()
    with watch(net) as health:
        for _ in range(12):
            x = rng.normal(size=(16, 6))
            health.step(loss=step(net, x, rng.integers(0, 3, 16)))
    return {(f.code, f.gradient): f for f in health.findings}


@pytest.mark.parametrize(
    ("step", "still"), [(forgotten_weight, "W"), (forgotten_bias, "b"), (into_a_copy, "W"), (kept_beside, "W")]
)
def test_a_gradient_that_is_computed_and_not_used(step, still):
    found = trained(step)
    assert [key for key in found if key[0] in ("GC332", "GC333")] == [("GC332", still)]
    finding = found["GC332", still]
    assert finding.title == f"{still} does not change, although there is a gradient"
    assert "left out" in finding.evidence[0]


def test_a_weight_that_no_backward_thinks_of():
    def step(net, x, y):
        h, d, dh, loss = forward_and_delta(net, x, y)
        net.V -= 0.1 * h.T @ d
        net.b -= 0.1 * dh.sum(0)
        return loss

    finding = trained(step)["GC333", "W"]
    assert finding.title == "W gets no gradient"
    assert "in NumPy, the backward does not compute it" in finding.help[1]
