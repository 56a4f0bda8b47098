"""Arrays, attributes, globals, caches and random states are as before: after a pass, a failure, an error, Ctrl-C."""

import random

import numpy as np
import pytest
import torch

from gradcheck import GradcheckError, check_layer, check_network, from_update, gradient

CALLS = []
SHARED = {"last": None}
WEIGHT = np.ones((3, 2))


class Layer:
    count = 0

    def __init__(self):
        self.params = {"W": np.random.default_rng(0).standard_normal((3, 2))}
        self.grads = {}
        self.rng = np.random.default_rng(5)
        self.cache = None
        self.history = []
        self.raising = None

    def forward(self, x):
        type(self).count += 1
        self.cache = x
        self.history.append(x.shape)
        SHARED["last"] = x
        WEIGHT[...] += 1
        np.random.rand()
        random.random()
        torch.rand(1)
        self.rng.random()
        if self.raising is not None and len(self.history) >= self.raising[0]:
            raise self.raising[1]
        return x @ self.params["W"]

    def backward(self, dout):
        self.grads["W"] = self.cache.T @ dout
        dx = dout @ self.params["W"].T
        dout *= 0
        self.cache += 1
        return dx


def everything(layer, x):
    return {
        "x": x.tobytes(),
        "W": layer.params["W"].tobytes(),
        "identity": id(layer.params["W"]),
        "attributes": sorted(vars(layer)),
        "grads": dict(layer.grads),
        "cache": layer.cache,
        "history": list(layer.history),
        "generator": str(layer.rng.bit_generator.state),
        "count": Layer.count,
        "shared": dict(SHARED),
        "weight": WEIGHT.tobytes(),
        "numpy": str(np.random.get_state()[1][:5]) + str(np.random.get_state()[2]),
        "python": hash(random.getstate()),
        "torch": torch.get_rng_state().numpy().tobytes(),
        "np": np is globals()["np"],
    }


@pytest.mark.parametrize(
    "raising",
    [None, (1, ValueError("no")), (3, ValueError("no")), (1, KeyboardInterrupt()), (2, KeyboardInterrupt())],
    ids=["none", "at once", "later", "interrupt at once", "interrupt later"],
)
def test_a_layer(raising):
    layer, x = Layer(), np.random.default_rng(1).standard_normal((4, 3))
    layer.raising = raising
    before = everything(layer, x)
    try:
        check_layer(layer, x)
    except (GradcheckError, ValueError, KeyboardInterrupt):
        assert raising is not None
    assert everything(layer, x) == before


def test_globals_of_the_users_module_are_numpy_again():
    def forward(x):
        return np.exp(x)

    check_layer(forward, lambda d, x: d * np.exp(x), np.ones(3))
    assert forward.__globals__["np"].__name__ == "numpy"
    assert np.zeros is __import__("numpy").zeros


def test_a_network_that_updates_itself_keeps_its_weights():
    class Net:
        def __init__(self):
            self.W = np.array([[0.5, -1.0]])

        def loss(self, x):
            return float(np.sum((x @ self.W.T) ** 2) / 2)

        def step(self, x):
            self.W -= 0.1 * (x @ self.W.T).T @ x

    net, x = Net(), np.random.default_rng(0).standard_normal((5, 2))
    before = net.W
    report = check_network(net, loss=lambda: net.loss(x), gradients=from_update(lambda: net.step(x), lr=0.1))
    assert report.ok, str(report)
    assert net.W is before
    assert net.W.tolist() == [[0.5, -1.0]]


def test_read_only_arrays_are_accepted():
    x = np.ones(3)
    x.flags.writeable = False
    assert check_layer(lambda x: x**2, lambda d, x: 2 * x * d, x).ok
    assert not x.flags.writeable


def test_gradient_disturbs_nothing():
    layer, x = Layer(), np.random.default_rng(1).standard_normal((4, 3))
    before = everything(layer, x)
    gradient(layer.forward, x, upstream=np.ones((4, 2)))
    assert everything(layer, x) == before


def test_a_module_keeps_its_statistics_gradients_and_mode():
    module = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Dropout(0.5))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    state = torch.get_rng_state()
    check_layer(module, torch.randn(6, 3, generator=torch.Generator().manual_seed(0)))
    assert all(torch.equal(before[k], v) for k, v in module.state_dict().items())
    assert torch.equal(state, torch.get_rng_state())
    assert all(p.grad is None for p in module.parameters())
    assert module.training
