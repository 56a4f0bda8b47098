"""Gradients that are zero for a dead reason are looked at where they are not, or said to be zero."""

import numpy as np
import pytest

from gradcheck import check_layer, check_network

RNG = np.random.default_rng(0)


def drawn(*shape):
    return RNG.standard_normal(shape)


class Dead:
    """A hidden layer of which every unit is dead."""

    def __init__(self, wrong):
        self.W1, self.b1, self.W2, self.b2 = drawn(3, 4), np.full(4, -50.0), drawn(4, 2), drawn(2)
        self.wrong = wrong

    def loss(self, x, y):
        self.h = np.maximum(0, x @ self.W1 + self.b1)
        self.e = self.h @ self.W2 + self.b2 - y
        return 0.5 * (self.e**2).sum()

    def gradients(self, x, y):
        self.loss(x, y)
        dh = self.e @ self.W2.T * (self.h > 0) * (7 if self.wrong else 1)
        return {"W1": x.T @ dh, "b1": dh.sum(0), "W2": self.h.T @ self.e, "b2": self.e.sum(0)}


@pytest.mark.parametrize("wrong", [True, False])
def test_a_dead_layer_is_looked_at_alive(wrong):
    net, x, y = Dead(wrong), drawn(5, 3), drawn(5, 2)
    report = check_network(net, loss=lambda: net.loss(x, y), gradients=lambda: net.gradients(x, y))
    assert [g.name for g in report.gradients if g.verdict == "wrong"] == (["dW1", "db1"] if wrong else [])
    if wrong:
        assert "zero here, and off by" in report.gradients[0].reason
        assert np.all(net.b1 == -50)
    else:
        assert not report.findings


def attention(q, k, v):
    s = q @ k.T / np.sqrt(q.shape[1])
    p = np.exp(s - s.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    return p @ v, (q, k, v, p)


@pytest.mark.parametrize("factor", [1, 77])
def test_an_attention_with_one_key_is_tried_with_more(factor):
    def backward(do, cache):
        q, k, v, p = cache
        dp = do @ v.T
        ds = p * (dp - (dp * p).sum(-1, keepdims=True)) / np.sqrt(q.shape[1])
        return factor * ds @ k, ds.T @ q, p.T @ do

    report = check_layer(attention, backward, drawn(4, 3), drawn(1, 3), drawn(1, 2))
    assert report.ok
    said = [(f.code, f.severity, f.gradient) for f in report.findings]
    assert said == ([] if factor == 1 else [("GC143", "warning", "dq")])


def test_a_softmax_over_one_class_is_undecided_though_rounding_differs():
    def softmax(x):
        p = np.exp(x) / np.exp(x).sum(1, keepdims=True)
        return p, p

    report = check_layer(softmax, lambda do, p: 9 * p * (do - (do * p).sum(1, keepdims=True)), drawn(4, 1))
    assert report.gradients[0].verdict == "undecided"
    assert "every gradient is zero" in report.gradients[0].reason


def normalised(x, w, b):
    z = x @ w + b
    spread = np.sqrt(z.var(0) + 1e-5)
    return (z - z.mean(0)) / spread, (x, w, (z - z.mean(0)) / spread, spread)


def normalised_backward(dout, cache):
    x, w, y, spread = cache
    dz = (dout - dout.mean(0) - y * (dout * y).mean(0)) / spread
    return dz @ w.T, x.T @ dz, dz.sum(0)


def test_a_row_of_biases_before_a_normalisation_stays_right():
    def backward(dout, cache):
        dx, dw, db = normalised_backward(dout, cache)
        return dx, dw, db[None]

    report = check_layer(normalised, backward, drawn(6, 3), drawn(3, 4), drawn(1, 4))
    assert report.ok
    assert not report.findings


@pytest.mark.parametrize(("dtype", "rtol"), [("float64", None), ("float32", None), ("float64", 1e-4)])
def test_a_bias_before_a_normalisation_stays_right(dtype, rtol):
    arrays = [a.astype(dtype) for a in (drawn(6, 3), drawn(3, 4), drawn(4))]
    report = check_layer(normalised, normalised_backward, *arrays, rtol=rtol)
    assert report.ok
    assert not report.findings


def far(x, w):
    return np.maximum(x @ w - 1e9, 0) + x, (x, w)


def test_a_gradient_that_is_zero_wherever_it_was_tried_is_said_to_be():
    report = check_layer(far, lambda dout, cache: (dout * 1.0, 0 * cache[1]), drawn(4, 3), drawn(3, 3))
    [found] = report.findings
    assert report.ok
    assert found.title == "dw is zero here: a wrong factor in it would not show"


def test_gradients_at_hand_that_are_zero_are_said_to_be():
    x, w, up = drawn(4, 3), drawn(3, 3), drawn(4, 3)
    report = check_layer(lambda x, w: far(x, w)[0], x, w, gradients={"x": up, "w": 0 * w}, upstream=up)
    assert "dw is zero here: a wrong factor in it would not show" in [f.title for f in report.findings]


def test_what_is_zero_is_left_out_of_the_line_on_power_aloud():
    report = check_layer(normalised, normalised_backward, drawn(6, 3), drawn(3, 4), drawn(4))
    assert "(db is zero: not told)" in " ".join(str(report).split())
