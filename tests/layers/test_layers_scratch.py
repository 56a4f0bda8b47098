"""A layer that keeps memory for the gradient it returns: that is no parameter."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))


class Linear:
    def __init__(self, make, factor=1.0):
        self.W = np.random.default_rng(1).normal(size=(3, 2))
        self.buf = make((4, 3))
        self.factor = factor

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, d):
        self.dW = self.x.T @ d
        np.matmul(self.factor * d, self.W.T, out=self.buf)
        return self.buf


class Masked(Linear):
    """It works in memory that has the shape of its output, and the name of a bias."""

    def __init__(self, make):
        super().__init__(make)
        self.b = np.zeros((4, 2))

    def backward(self, d):
        self.dW = self.x.T @ d
        np.multiply(d, 1.0, out=self.b)
        return self.b @ self.W.T


@pytest.mark.parametrize("make", [np.zeros, np.ones])
@pytest.mark.parametrize("kwargs", [{}, {"constants": ["buf"]}, {"wrt": ["x", "W"]}], ids=["plain", "constants", "wrt"])
def test_memory_for_dx_is_no_parameter(make, kwargs):
    report = check_layer(Linear(make), X, **kwargs)
    assert report.ok
    compared = [g.name for g in report.gradients if g.verdict == "right"]
    assert compared == ["dx", "dW"]


def test_a_wrong_gradient_in_such_memory_is_wrong():
    report = check_layer(Linear(np.zeros, factor=1.5), X)
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "wrong", "dW": "right"}


def test_memory_that_is_not_returned_is_left_out_where_it_is_declared_constant():
    report = check_layer(Masked(np.ones), X, constants=["b"])
    assert report.ok
    assert {g.name: g.verdict for g in report.gradients} == {"dx": "right", "dW": "right", "db": "not differentiated"}
