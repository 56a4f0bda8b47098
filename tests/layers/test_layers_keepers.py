"""Parameters and gradients that objects name by their own methods, hand to optimizers, or hold as lists."""

import numpy as np
import pytest
from layers_checked import numbers, verdicts

from gradcheck import check_layer
from gradcheck.errors import GradcheckError

X = numbers(4, 3)


class Base:
    """x @ m + c under names that say nothing."""

    factor = 1

    def __init__(self):
        self._m, self._c = numbers(3, 2), numbers(2)

    def forward(self, x):
        self._x = x
        return x @ self._m + self._c

    def backward(self, dout):
        self._p, self._q = self.factor * self._x.T @ dout, dout.sum(axis=0)
        return dout @ self._m.T


class Lists(Base):
    def get_params(self):
        return [self._m, self._c]

    def get_grads(self):
        return [self._p, self._q]


class Named(Base):
    def named_parameters(self):
        return {"kernel": self._m, "offset": self._c}

    def named_gradients(self):
        return {"offset": self._q, "kernel": self._p}


class NamedTuples(Base):
    def named_parameters(self):
        yield "kernel", self._m
        yield "offset", self._c

    def gradients(self):
        return [self._p, self._q]


class Pairs(Base):
    def params_and_grads(self):
        yield self._m, self._p
        yield self._c, self._q


class Computed(Base):
    def parameters(self):
        return [self._m, self._c]

    def gradients(self):
        return [self._p * 1.0, self._q * 1.0]


@pytest.mark.parametrize("layer", [Lists, Named, NamedTuples, Pairs, Computed])
def test_declared_by_methods(layer):
    _, found, _ = verdicts(layer(), X)
    assert len(found) == 3
    assert set(found.values()) == {"right"}
    broken = layer()
    broken.factor = 2
    assert list(verdicts(broken, X)[1].values()).count("wrong") == 1


def test_arrays_that_nothing_speaks_of_are_named():
    _, found, notes = verdicts(Base(), X)
    assert found == {"dx": "right"}
    assert "not checked: _m, _c" in notes


def test_one_flat_vector():
    class Flat:
        def __init__(self):
            self.params, self.grads = numbers(8), np.zeros(8)

        def forward(self, x):
            self.x = x
            return x @ self.params[:6].reshape(3, 2) + self.params[6:]

        def backward(self, d):
            self.grads[:6] = (self.x.T @ d).ravel()
            self.grads[6:] = d.sum(axis=0)
            return d @ self.params[:6].reshape(3, 2).T

    assert verdicts(Flat(), X)[1] == {"dx": "right", "grads": "right"}


def test_a_flat_vector_and_its_views():
    class Views:
        def __init__(self):
            self.theta, self.grad = numbers(8), np.zeros(8)
            self.W, self.b = self.theta[:6].reshape(3, 2), self.theta[6:]
            self.dW, self.db = self.grad[:6].reshape(3, 2), self.grad[6:]

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, d):
            self.dW[...] = self.x.T @ d
            self.db[...] = d.sum(axis=0)
            return d @ self.W.T

    assert verdicts(Views(), X)[1] == {"dx": "right", "dW": "right", "db": "right"}


def plain_step(w, g, lr=0.1):
    return w - lr * g


class Stepping:
    def __init__(self):
        self.v = None

    def step(self, w, g):
        self.v = g if self.v is None else 0.9 * self.v + g
        return w - 0.1 * self.v

    __call__ = step


class Trained:
    def __init__(self, optimizer, method=None):
        self.W, self.optimizer, self.method = numbers(3, 2), optimizer, method

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        dx, gradient = d @ self.W.T, self.x.T @ d
        step = getattr(self.optimizer, self.method) if self.method else self.optimizer
        self.W = step(self.W, gradient)
        return dx


@pytest.mark.parametrize(
    ("optimizer", "method", "words"),
    [(plain_step, None, "optimizer"), (Stepping(), None, "optimizer"), (Stepping(), "step", "optimizer.step")],
)
def test_handed_to_an_optimizer(optimizer, method, words):
    layer = Trained(optimizer, method)
    before = layer.W.copy()
    style, found, _ = verdicts(layer, X)
    assert found == {"dx": "right", "dW": "right"}
    assert style.startswith("object: forward(x) -> out, backward(d), hands dW to optimizer")
    assert words in style
    assert layer.optimizer is optimizer
    np.testing.assert_array_equal(layer.W, before)


def test_an_unnamed_order_that_does_not_fit_is_said():
    class Unnamed:
        def __init__(self):
            self.W, self.b = numbers(3, 2), numbers(2)

        def forward(self, x):
            self.x = x
            return x @ self.W + self.b

        def backward(self, d):
            return self.x.T @ d, d.sum(axis=0), d @ self.W.T

    report = check_layer(Unnamed(), X, raises=False)
    assert [f.help[1] for f in report.findings if f.code == "GC102"] == [
        'if the order is meant, say so: gradients=["W", "b", "x"]'
    ]
    assert check_layer(Unnamed(), X, gradients=["W", "b", "x"]).ok


class ListOfNumbers:
    def __init__(self, **lists):
        vars(self).update(lists)
        self.name = next(iter(lists))

    def forward(self, x):
        held = getattr(self, self.name)
        return x @ np.array(held["W"] if isinstance(held, dict) else held)

    def backward(self, d):
        return d


@pytest.mark.parametrize(
    ("lists", "path"),
    [
        ({"W": [[1.0, 2.0], [0.0, 1.0], [2.0, 2.0]]}, "W"),
        ({"weights": [0.5, 0.25, 1]}, "weights"),
        ({"params": {"W": [0.5, 0.25, 1]}}, "params['W']"),
    ],
)
def test_weights_in_a_list_of_numbers_are_refused(lists, path):
    with pytest.raises(GradcheckError) as caught:
        check_layer(ListOfNumbers(**lists), X)
    text = str(caught.value)
    assert text.startswith(f"{path} of ListOfNumbers is a Python list of numbers")
    assert f"{path} = np.array({path})" in text


def test_lists_that_are_no_weights_are_let_be():
    layer = Base()
    layer.sizes, layer.history = [3, 2], [0.5, 0.25]
    assert verdicts(layer, X)[1] == {"dx": "right"}
