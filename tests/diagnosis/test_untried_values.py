"""Branches that no entry takes, labels that never occur, numbers that are exactly 1 or 0: tried at others, or told."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(5, 4)), RNG.normal(size=(4, 3))


def remarks(report):
    assert report.ok
    return [(f.severity, f.title) for f in report.findings if f.code == "GC143"]


def clipped(x):
    return np.clip(x, -50, 60), x


def huber(x):
    return np.where(np.abs(x) < 100, 0.5 * x * x, 100 * (np.abs(x) - 50)), x


def larger(a, b):
    return np.maximum(a, b), (a, b)


UNTAKEN = {
    "a clip without its mask": (clipped, lambda d, x: d * 1.0, (X,), "np.clip"),
    "one branch of np.where": (huber, lambda d, x: d * x, (X,), "np.where"),
    "the larger of two": (larger, lambda d, c: (d * 1.0, d * 0.0 * c[1]), (X + 0.5 - X.min(), X - X.max() - 0.5), None),
}


@pytest.mark.parametrize("name", UNTAKEN)
def test_a_backward_that_is_wrong_on_the_side_that_no_entry_takes_is_found(name):
    forward, backward, arrays, function = UNTAKEN[name]
    report = check_layer(forward, backward, *arrays)
    if function is None:
        assert report.findings
        return
    [(severity, title)] = remarks(report)
    assert severity == "warning"
    assert title.startswith(f"dx is right here, and wrong where {function} (line ")
    assert title.endswith("takes another side")
    [finding] = [f for f in report.findings if f.code == "GC143"]
    assert finding.where.function == forward.__name__
    assert finding.where.line > 1


def softplus(x):
    return np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0), x


def sigmoid(x):
    s = 1 / (1 + np.exp(-np.clip(x, -500, 500)))
    return s, s


def cross_entropy(z):
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    return -np.log(np.clip(p, 1e-12, 1)), p


RIGHT = {
    "a clip with its mask": (clipped, lambda d, x: d * ((x > -50) & (x < 60)), X),
    "both branches": (huber, lambda d, x: d * np.where(np.abs(x) < 100, x, 100 * np.sign(x)), X),
    "a logistic that guards its exponent": (sigmoid, lambda d, s: d * s * (1 - s), X),
    "a logarithm with a guard": (cross_entropy, lambda d, p: -(d - p * d.sum(1, keepdims=True)), X),
    "a ReLU of positive inputs": (lambda x: (np.maximum(x, 0), x), lambda d, x: d * (x > 0), np.abs(X)),
    "softplus": (softplus, lambda d, x: d / (1 + np.exp(-x)), X),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_get_no_remark(name):
    assert remarks(check_layer(*RIGHT[name])) == []


def test_a_branch_that_no_values_tried_take_is_told_in_one_line():
    report = check_layer(lambda x: (np.where(x < 1e9, x * x, 3 * x), x), lambda d, x: 2 * d * x, X)
    [(severity, title)] = remarks(report)
    assert severity == "info"
    assert title.startswith("np.where (line ")
    assert title.endswith("takes one side for all entries: the backward of the other is not tested")


def test_large_layers_are_not_asked():
    big = RNG.normal(size=(200, 120))
    assert remarks(check_layer(clipped, lambda d, x: d * 1.0, big)) == []


def scaled(x, scale):
    return scale * x * x, (x, scale)


def without(d, cache):
    return 2 * d * cache[0]


@pytest.mark.parametrize("one", [1.0, 1])
def test_a_factor_of_exactly_one_is_tried_as_another(one):
    for report in (check_layer(scaled, without, X, one), check_layer(scaled, without, X, kwargs={"scale": one})):
        assert remarks(report) == [
            ("warning", "dx is right here, where scale is 1, and wrong where it is 0.6"),
        ]
    right = check_layer(scaled, lambda d, cache: 2 * d * cache[0] * cache[1], X, one)
    assert remarks(right) == []


def test_a_term_of_strength_zero_is_tried():
    def loss(w, x, y, reg):
        e = x @ w - y
        return 0.5 * np.sum(e * e) + 0.5 * reg * np.sum(w * w), x.T @ e

    report = check_layer(loss, W, X, RNG.normal(size=(5, 3)), 0.0, constants=["x", "y"])
    assert remarks(report) == [("warning", "dw is right here, where reg is 0, and wrong where it is 0.4")]


class Layer:
    def __init__(self, factor):
        self.w, self.alpha, self.loss, self.factor = W.copy(), 1.0, 0.0, factor

    def forward(self, x):
        self.x = x
        return self.alpha * (x @ self.w)

    def backward(self, d):
        self.dw = self.x.T @ d * self.factor(self)
        return self.alpha * d @ self.w.T


def test_an_attribute_is_tried_and_put_back():
    layer = Layer(lambda self: 1)
    assert remarks(check_layer(layer, X)) == [
        ("warning", "dw is right here, where alpha is 1, and wrong where it is 0.6")
    ]
    assert (layer.alpha, layer.loss) == (1.0, 0.0)
    assert remarks(check_layer(Layer(lambda self: self.alpha), X)) == []


def test_a_stride_of_one_and_a_number_that_the_forward_does_not_use_are_left_alone():
    def strided(x, stride, momentum):
        return x[::stride] * 1.0, None

    assert remarks(check_layer(strided, lambda d, _: d * 1.0, X, 1, 0.0)) == []


def softmax_loss(right):
    def loss(z, y):
        p = np.exp(z - z.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        rows, dz = np.arange(len(y)), p.copy()
        dz[rows, y if right else 0] -= 1
        return -np.log(p[rows, y]).mean(), dz / len(y)

    return loss


def test_labels_that_never_occur_are_tried():
    one_class = np.zeros(5, int)
    report = check_layer(softmax_loss(False), X, one_class)
    assert remarks(report) == [("warning", "dz is right here, and wrong for values of y that do not occur in it")]
    [finding] = [f for f in report.findings if f.code == "GC143"]
    assert finding.evidence[0] == "y holds 0, of 0 to 3"
    assert remarks(check_layer(softmax_loss(True), X, one_class)) == []
    assert remarks(check_layer(softmax_loss(True), X, np.arange(5) % 4)) == []


def test_one_class_alone_is_told_where_there_is_no_backward_to_call():
    y = np.zeros(5, int)
    _, dz = softmax_loss(True)(X, y)
    report = check_layer(lambda z, y: softmax_loss(True)(z, y)[0], X, y, gradients={"z": dz})
    assert ("info", "y holds the class 0 alone, of 4: mistakes in the others would not show") in remarks(report)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("labels", [np.zeros(5, int), np.array([3, 1, 0, 2, 4])], ids=["one", "all different"])
def test_no_remark_comes_of_rounding(dtype, labels):
    logits = np.random.default_rng(1).normal(size=(5, 6)).astype(dtype)
    assert remarks(check_layer(softmax_loss(True), logits, labels)) == []
