"""More habits of hand-written layers: a context that keeps attributes, options that only the backward takes."""

import numpy as np
import pytest
from layers_checked import numbers, verdicts

from gradcheck import check_layer
from gradcheck.errors import GradcheckError

X = numbers(6, 4)
b = numbers(3)  # a global that is called like an attribute of the contexts below, and has nothing to do with them


class Context:
    pass


class Product:
    @staticmethod
    def forward(ctx, a, b):
        ctx.a, ctx.b = a, b
        return a * b

    @staticmethod
    def backward(ctx, g):
        return g * ctx.b, g * ctx.a


class Swapped(Product):
    @staticmethod
    def backward(ctx, g):
        return g * ctx.a, g * ctx.b


@pytest.mark.parametrize(("function", "verdict"), [(Product, "right"), (Swapped, "wrong")])
def test_an_attribute_is_no_global_of_its_name(function, verdict):
    _, found, _ = verdicts(function, Context(), X, numbers(6, 4))
    assert found == {"da": verdict, "db": verdict}


class Updating:
    def __init__(self, factor=1):
        self.weights, self.factor = numbers(4, 3), factor

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, output_gradient, learning_rate):
        dx = output_gradient @ self.weights.T
        self.weights -= self.factor * learning_rate * self.x.T @ output_gradient
        return dx


@pytest.mark.parametrize("options", [{}, {"kwargs": {"learning_rate": 0.25}}])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_a_learning_rate_for_the_backward_alone(factor, verdict, options):
    _, found, _ = verdicts(Updating(factor), X, **options)
    assert found == {"dx": "right", "dweights": verdict}


def scaled(x):
    return np.tanh(x), np.tanh(x)


def test_an_option_of_the_backward_alone():
    def backward(d, out, slope):
        return slope * d * (1 - out**2)

    assert verdicts(scaled, backward, X, kwargs={"slope": 1.0})[1] == {"dx": "right"}
    assert verdicts(scaled, backward, X, kwargs={"slope": 0.5})[1] == {"dx": "wrong"}


def test_an_option_that_neither_takes():
    with pytest.raises(GradcheckError, match=r"kwargs has 'slop', which scaled\(x\) does not take"):
        check_layer(scaled, lambda d, out, slope: slope * d * (1 - out**2), X, kwargs={"slop": 1.0})


class Private:
    def __init__(self, factor=1):
        self.__W, self._b, self.factor = numbers(4, 3), numbers(3), factor

    def forward(self, x):
        self.__x = x
        return x @ self.__W + self._b

    def backward(self, d):
        self.__dW, self._db = self.factor * self.__x.T @ d, d.sum(axis=0)
        return d @ self.__W.T


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_private_attributes_are_called_what_they_are_written_as(factor, verdict):
    _, found, notes = verdicts(Private(factor), X)
    assert found == {"dx": "right", "__dW": verdict, "_db": "right"}
    assert "not checked" not in notes


class Beside:
    """Gradients kept beside their parameters, for an optimizer that takes such pairs."""

    def __init__(self, factor=1):
        self.W, self.b, self.factor = numbers(4, 3), numbers(3), factor
        self.gradients = []

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.gradients = [(self.W, self.factor * self.x.T @ g), (self.b, g.sum(axis=0))]
        return g @ self.W.T


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_pairs_of_parameter_and_gradient(factor, verdict):
    _, found, _ = verdicts(Beside(factor), X)
    assert list(found.values()) == ["right", verdict, "right"]


def softmax_loss(logits, targets):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    return -np.sum(targets * np.log(p)) / len(p), (p, targets)


@pytest.mark.parametrize(("share", "verdict"), [(1, "right"), (2, "wrong")])
def test_the_only_argument_beside_a_loss_is_its_cache(share, verdict):
    targets = np.eye(4)[np.arange(6) % 4]
    _, found, _ = verdicts(softmax_loss, lambda c: share * (c[0] - c[1]) / len(c[0]), X, targets)
    assert found["dlogits"] == verdict


class GivenBack(Beside):
    def forward(self, x):
        return x @ self.W

    def backward(self, delta, prev_activation):
        self.dW = self.factor * prev_activation.T @ delta
        return delta @ self.W.T


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_the_activation_below_is_the_input(factor, verdict):
    _, found, _ = verdicts(GivenBack(factor), X)
    assert (found["dx"], found["dW"]) == ("right", verdict)
