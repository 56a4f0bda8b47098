"""A loss or a backward that returns the gradients of what wrt= names, and no others."""

import numpy as np
import pytest

from gradcheck import check_layer

rng = np.random.default_rng(0)
X, LABELS, W, B = rng.normal(size=(6, 4)), rng.integers(0, 3, 6), rng.normal(size=(4, 3)), rng.normal(size=3)
SQUARE = rng.normal(size=(4, 4))


def softmax_loss(x, y, w):
    n = len(y)
    z = x @ w
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    value = -np.log(p[np.arange(n), y]).mean()
    p[np.arange(n), y] -= 1
    return value, x, p / n


def loss(X, y, W):
    value, x, d = softmax_loss(X, y, W)
    return value, x.T @ d


def wrong_loss(X, y, W):
    value, x, d = softmax_loss(X, y, W)
    return value, 2 * x.T @ d


def loss_of_rows(X, y, W):
    value, _, d = softmax_loss(X, y, W)
    return value, d @ W.T


def two(X, W, b):
    z = X @ W + b
    return np.sum(z**2), [2 * X.T @ z, 2 * z.sum(0)]


def verdicts(report):
    return {g.of: g.verdict for g in report.gradients if g.verdict != "not differentiated"}


def test_the_one_gradient_is_the_one_asked_for():
    report = check_layer(loss, X, LABELS, W, wrt=["W"])
    assert report.ok
    assert verdicts(report) == {"W": "right"}


def test_it_is_judged():
    report = check_layer(wrong_loss, X, LABELS, W, wrt=["W"])
    assert verdicts(report) == {"W": "wrong"}
    assert "GC201" in [f.code for f in report.findings]


def test_two_gradients_of_three():
    assert verdicts(check_layer(two, X, W, B, wrt=["W", "b"])) == {"W": "right", "b": "right"}


def test_a_shape_like_the_asked_ones_input():
    report = check_layer(lambda x, w: (np.sum((x @ w) ** 2), 2 * x.T @ (x @ w)), SQUARE, SQUARE + 1, wrt=["w"])
    assert verdicts(report) == {"w": "right"}


def test_a_pair():
    def backward(d, x, w):
        return x.T @ d

    assert verdicts(check_layer(lambda x, w: x @ w, backward, X, W, wrt=["w"])) == {"w": "right"}


def test_another_gradient_than_the_one_asked_for():
    report = check_layer(loss_of_rows, X, LABELS, W, wrt=["W"])
    assert [f.code for f in report.findings] == ["GC103"]


@pytest.mark.parametrize("wrt", ["W", ["W"], ("W",)])
def test_wrt_as_one_string(wrt):
    assert verdicts(check_layer(two, X, W, B, wrt=wrt, gradients=["W", "b"])) == {"W": "right"}
