"""Factors of 1 and strengths of 0 that nobody gave: tried at others as those given, in small layers only."""

import numpy as np
import pytest

from gradcheck import check_layer

RNG = np.random.default_rng(0)
X, S = RNG.normal(size=(3, 4)), RNG.normal(size=4)


def remarks(report):
    assert report.ok
    return [(f.code, f.title) for f in report.findings]


def scaled(x, s, k=1.0, lam=0.0):
    return s * x * k + lam * x**2, (x, s, k, lam)


def right(dout, cache):
    x, s, k, lam = cache
    return dout * s * k + 2 * lam * x * dout, (dout * x * k).sum(0)


def factor_forgotten(dout, cache):
    x, s, _k, lam = cache
    return right(dout, (x, s, 1.0, lam))


def term_forgotten(dout, cache):
    x, s, k, _lam = cache
    return right(dout, (x, s, k, 0.0))


TITLES = {
    right: [],
    factor_forgotten: [("GC143", "dx and ds are right here, where k is 1, and wrong where it is 0.6")],
    term_forgotten: [("GC143", "dx is right here, where lam is 0, and wrong where it is 0.4")],
}
CALLS = {
    "left at their defaults": ((), {}),
    "constants of no dimension": ((np.array(1.0), np.array(0.0)), {"constants": ["k", "lam"]}),
    "numbers called constants": ((1.0, np.float64(0.0)), {"constants": ["k", "lam"]}),
}


@pytest.mark.parametrize("given", CALLS)
@pytest.mark.parametrize("backward", TITLES)
def test_a_number_that_hides_a_mistake_is_found_however_it_comes(backward, given):
    more, options = CALLS[given]
    assert remarks(check_layer(scaled, backward, X, S, *more, **options)) == TITLES[backward]


def elu(x, alpha=1.0):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def elu_backward(dout, x, alpha=1.0):
    return dout * elu_prime(x, alpha)


def elu_prime(x, alpha=1.0):
    return np.where(x > 0, 1, alpha * np.exp(x))


def loss(x, y, scale=1.0, flag=True):
    return scale * np.sum((x - y) ** 2)


def loss_gradient(x, y, scale=1.0):
    return 2 * scale * (x - y), -2 * scale * (x - y)


class Gain:
    def forward(self, x, *, gain=1.0, shift=0.0):
        return gain * x * x + shift, (x, gain)

    def backward(self, dout, cache):
        x, gain = cache
        return 2 * dout * gain * x


RIGHT = {
    "an option of forward and backward": (elu, elu_backward, X),
    "of a function and its derivative": (elu, elu_prime, X),
    "of a loss and its gradient": (loss, loss_gradient, X, X + 1),
    "of a method, by keyword only": (Gain(), X),
    "one vjp an argument": (
        lambda x, w, k=1.0: k * x * w,
        [lambda g, ans, x, w, k=1.0: g * w * k, lambda g, ans, x, w, k=1.0: g * x * k],
        S,
        S + 1,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_backward_that_takes_the_option_too_is_told_of_it(name):
    assert remarks(check_layer(*RIGHT[name])) == []


def test_a_derivative_is_given_the_options_that_it_takes():
    assert check_layer(elu, elu_prime, X, kwargs={"alpha": 2.0}).ok
    assert not check_layer(
        elu, lambda x: np.where(x > 0, 1, np.exp(x)), X, kwargs={"alpha": 2.0}, style="derivative"
    ).ok
    assert check_layer(loss, loss_gradient, X, X + 1, kwargs={"scale": 3.0, "flag": False}).ok


def test_a_derivative_that_forgets_the_option_is_named():
    [(code, title)] = remarks(check_layer(elu, lambda dout, x: dout * elu_prime(x), X))
    assert (code, title) == ("GC143", "dx is right here, where alpha is 1, and wrong where it is 0.6")


def test_a_label_is_no_factor():
    def logistic(w, x, y=1.0):
        p = 1 / (1 + np.exp(-x @ w))
        return (-np.log(p) if y == 1 else -np.log(1 - p)).sum(), x.T @ (p - y)

    assert remarks(check_layer(logistic, S, X, constants=["x"])) == []
    assert remarks(check_layer(logistic, S, X, 1.0, constants=["x"])) == []


def test_what_the_forward_refuses_or_does_not_use_is_passed_over():
    def picky(x, power=1.0, unused=0.0):
        if power != 1:
            raise ValueError("not written yet")
        return x * x, x

    assert remarks(check_layer(picky, lambda dout, x: 2 * dout * x, X)) == []


def test_each_costs_one_more_evaluation_and_large_layers_pay_nothing():
    def plain(x, s):
        return scaled(x, s)

    def counts(forward, x):
        return dict(check_layer(forward, right, x, S).evaluations)

    bare, asked = counts(plain, X), counts(scaled, X)
    assert asked["backward"] - bare["backward"] == 2
    assert asked["traced"] - bare["traced"] == 2
    big = RNG.normal(size=(6000, 4))
    assert counts(scaled, big) == counts(plain, big)
