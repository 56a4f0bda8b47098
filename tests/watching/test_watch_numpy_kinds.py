"""Activations are recognised by what is computed, and their derivatives measured."""

from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import watch

try:
    from scipy import special
except ImportError:
    special = None


def masked_in_place(z):
    z = z.copy()
    z[z < 0] = 0
    return z


def composed_tanh(z):
    a, b = np.exp(z), np.exp(-z)
    return (a - b) / (a + b)


def stable_logistic(z):
    return np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))


def softmax_in_place(z):
    e = np.exp(z - np.max(z, axis=1, keepdims=True))
    e /= e.sum(axis=1, keepdims=True)
    return e


RELU, LOGISTIC, TANH, SOFTMAX = (
    lambda z: np.maximum(0, z),
    lambda z: 1 / (1 + np.exp(-z)),
    np.tanh,
    lambda z: np.exp(z) / np.exp(z).sum(axis=1, keepdims=True),
)

WRITTEN = [
    ("relu", lambda z: np.maximum(0, z), RELU),
    ("relu", lambda z: np.maximum(z, 0.0), RELU),
    ("relu", lambda z: z * (z > 0), RELU),
    ("relu", lambda z: (z > 0) * z, RELU),
    ("relu", lambda z: z * (z > 0).astype(float), RELU),
    ("relu", lambda z: np.where(z > 0, z, 0), RELU),
    ("relu", lambda z: np.clip(z, 0, None), RELU),
    ("relu", lambda z: z.clip(min=0), RELU),
    ("relu", lambda z: z.clip(0, np.inf), RELU),
    ("relu", masked_in_place, RELU),
    ("logistic", lambda z: 1 / (1 + np.exp(-z)), LOGISTIC),
    ("logistic", lambda z: 1.0 / (np.exp(-z) + 1.0), LOGISTIC),
    ("logistic", lambda z: np.reciprocal(1 + np.exp(-z)), LOGISTIC),
    ("logistic", lambda z: np.exp(z) / (1 + np.exp(z)), LOGISTIC),
    ("logistic", lambda z: (1 + np.exp(-z)) ** -1, LOGISTIC),
    ("logistic", lambda z: 0.5 * (1 + np.tanh(0.5 * z)), LOGISTIC),
    ("logistic", stable_logistic, LOGISTIC),
    ("tanh", np.tanh, TANH),
    ("tanh", composed_tanh, TANH),
    ("tanh", lambda z: 2 / (1 + np.exp(-2 * z)) - 1, TANH),
    ("softmax", SOFTMAX, SOFTMAX),
    ("softmax", softmax_in_place, SOFTMAX),
]
if special is not None:
    WRITTEN += [("logistic", special.expit, LOGISTIC)]


class Net:
    def __init__(self, f):
        rng = np.random.default_rng(0)
        self.W1, self.W2 = rng.normal(size=(6, 5)), rng.normal(size=(5, 2))
        self.f = f

    def step(self, x, t):
        h = self.f(x @ self.W1)
        delta = (h @ self.W2 - t) / len(x)
        self.W2 -= 0.1 * (h.T @ delta)


def layers_of(f):
    rng = np.random.default_rng(1)
    x, t = rng.normal(size=(7, 6)), rng.normal(size=(7, 2))
    net = Net(f)
    z = x @ net.W1
    samples = []
    with watch(net, every=1, callback=samples.append) as health:
        net.step(x, t)
        health.step(loss=1.0)
    return z, samples[0].layers


@pytest.mark.parametrize(("kind", "written", "meant"), WRITTEN)
def test_an_activation_by_its_kind(kind, written, meant):
    z, layers = layers_of(written)
    found = [layer for layer in layers if layer.kind not in ("linear",)]
    assert [layer.kind for layer in found] == [kind]
    value = meant(z)
    assert found[0].activation.norm == pytest.approx(np.linalg.norm(value))
    slope = {
        "relu": (z > 0) * 1.0,
        "logistic": 4 * value * (1 - value),
        "tanh": 1 - value**2,
        "softmax": 4 * value * (1 - value),
    }[kind]
    assert found[0].flat == pytest.approx((abs(slope) < 0.01).mean())
    assert found[0].slope == pytest.approx(np.sqrt((slope**2).mean()))
    assert found[0].active.tolist() == (slope != 0).any(axis=0).tolist()
    assert found[0].where.file == __file__


@pytest.mark.parametrize(
    "leaky",
    [lambda z: np.maximum(z, 0.01 * z), lambda z: np.where(z > 0, z, 0.01 * z)],
)
def test_a_leaky_relu_is_no_relu(leaky):
    _, layers = layers_of(leaky)
    assert [layer.kind for layer in layers] == ["linear", "activation", "linear"]
    assert layers[1].flat is None


@pytest.mark.parametrize(
    "plain",
    [lambda z: z, lambda z: z / (1 + np.abs(z)), lambda z: z / z.std(), np.sin, lambda z: z * np.full(z.shape, 0.5)],
)
def test_what_is_no_activation_is_not_called_one(plain):
    _, layers = layers_of(plain)
    assert [layer.kind for layer in layers] == ["linear", "linear"]


def test_a_derivative_made_in_the_forward_is_no_activation():
    def logistic(z):
        s = 1 / (1 + np.exp(-z))
        return s + 0 * (s * (1 - s))

    _, layers = layers_of(logistic)
    assert [layer.kind for layer in layers] == ["linear", "logistic", "linear"]


def test_arrays_of_a_class_of_their_own_are_said_not_to_be_followed():
    net = SimpleNamespace(W=np.ma.array(np.ones((3, 2))), b=np.zeros(2))
    with watch(net) as health:
        for _ in range(3):
            net.W = net.W - 0.1 * net.W
            health.step(loss=1.0)
    unseen = health.report(raises=False).watched.unseen
    assert "W is a numpy.ma.MaskedArray and not followed: np.array(W) would be" in unseen
    assert not any(sentence.startswith("b ") for sentence in unseen)
