"""Objects that keep things in unusual places: behind read-only properties, in lambdas, in a class without ``self``."""

import numpy as np
import pytest
from layers_checked import network_verdicts, numbers, verdicts

from gradcheck import check_layer, from_update
from gradcheck.errors import GradcheckError

X, Y = numbers(6, 4), numbers(6, 3)


class Hidden:
    """Everything behind properties that only read."""

    def __init__(self, factor=1, lr=0.0):
        self._weight, self._b, self._grads = numbers(4, 3), numbers(3), {"b": None}
        self._slope, self.factor, self.lr = None, factor, lr

    @property
    def weight(self):
        return self._weight

    @property
    def bias(self):
        return self._b

    @property
    def weight_grad(self):
        return self._slope

    @property
    def bias_grad(self):
        return self._grads["b"]

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, d):
        self._slope, self._grads["b"] = self.factor * self.x.T @ d, d.sum(axis=0)
        dx = d @ self.weight.T
        if self.lr:
            self._weight = self._weight - self.lr * self._slope
        return dx


@pytest.mark.parametrize("lr", [0.0, 0.1])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (3, "wrong")])
def test_gradients_behind_properties_that_only_read(factor, verdict, lr):
    layer = Hidden(factor, lr)
    kept = layer._weight, layer._weight.copy()
    _, found, _ = verdicts(layer, X)
    assert list(found.values()) == ["right", verdict, "right"]
    assert layer._weight is kept[0]
    assert np.array_equal(*kept)
    assert layer._slope is layer._grads["b"] is None


def test_a_class_of_lambdas_is_refused_as_any_class():
    doubling = type("Doubling", (), {"forward": lambda self, x: x * 2, "backward": lambda self, d: d * 2})
    with pytest.raises(GradcheckError, match=r"Doubling is a class: pass an object of it"):
        check_layer(doubling, X)
    assert verdicts(doubling(), X)[1] == {"dx": "right"}


def forward(x):
    return x**2, x


def backward(d, x):
    return 2 * x * d


def backward_of_a_cube(d, x):
    return 3 * x**2 * d


# no decorator and no self: never meant to have an object
Right = type("Right", (), {"forward": forward, "backward": backward})
Wrong = type("Wrong", (), {"forward": forward, "backward": backward_of_a_cube})


@pytest.mark.parametrize(("group", "verdict"), [(Right, "right"), (Wrong, "wrong")])
def test_a_class_that_only_groups_functions(group, verdict):
    assert verdicts(group, X)[1] == {"dx": verdict}


class Fitted:
    def __init__(self, both=True):
        self.W, self.b, self.both = numbers(4, 3), numbers(3), both

    def loss(self):
        return 0.5 * np.sum((X @ self.W + self.b - Y) ** 2)

    def step(self):
        error = X @ self.W + self.b - Y
        self.W = self.W - 0.01 * X.T @ error
        if self.both:
            self.b = self.b - 0.01 * error.sum(axis=0)


@pytest.mark.parametrize(("both", "verdict"), [(True, "right"), (False, "wrong")])
def test_a_parameter_that_the_step_forgets(both, verdict):
    net = Fitted(both)
    _, found, _ = network_verdicts(net, net.loss, from_update(net.step, lr=0.01))
    assert found == {"dW": "right", "db": verdict}


def test_a_parameter_that_the_step_rightly_leaves():
    net = Fitted(both=False)
    net.loss = lambda: 0.5 * np.sum((X @ net.W - Y) ** 2)
    net.step = lambda: setattr(net, "W", net.W - 0.01 * X.T @ (X @ net.W - Y))
    _, found, _ = network_verdicts(net, lambda: net.loss(), from_update(lambda: net.step(), lr=0.01))
    assert found == {"dW": "right", "db": "right"}


class Preallocated:
    """Buffers of one batch's size, made by the constructor; what is called X and DX is no parameter."""

    def __init__(self, mean=False):
        self.W, self.b = numbers(4, 3), numbers(3)
        self.X, self.out, self.DX = np.zeros((6, 4)), np.zeros((6, 3)), np.zeros((6, 4))
        self.dW, self.db, self.mean = np.zeros((4, 3)), np.zeros(3), mean

    def forward(self, x):
        self.X[:] = x
        self.out[:] = self.X @ self.W + self.b
        return self.out

    def backward(self, d):
        self.dW[:] = self.X.T @ d
        self.db[:] = d.mean(axis=0) if self.mean else d.sum(axis=0)
        self.DX[:] = d @ self.W.T
        return self.DX


@pytest.mark.parametrize(("mean", "verdict"), [(False, "right"), (True, "wrong")])
def test_buffers_that_the_forward_fills_are_no_parameters(mean, verdict):
    _, found, _ = verdicts(Preallocated(mean), X)
    assert found == {"dx": "right", "dW": "right", "db": verdict}
