"""A number among arrays is an input where the backward gives its gradient: none that is returned is left out."""

import numpy as np
import pytest

from gradcheck import check_layer, check_network

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 2))


def affine(x, w, b):
    return x @ w + b, (x, w)


def verdicts(report):
    return {gradient.name: gradient.verdict for gradient in report.gradients}


@pytest.mark.parametrize("number", [0.3, np.float64(0.3), np.float32(0.3)])
@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (-1, "wrong"), (1.01, "wrong")])
def test_what_the_backward_returns_for_a_number_is_checked(number, factor, verdict):
    report = check_layer(
        affine, lambda d, cache: (d @ cache[1].T, cache[0].T @ d, factor * d.sum()), X, W, number, raises=False
    )
    assert verdicts(report) == {"dx": "right", "dw": "right", "db": verdict}


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (-1, "wrong")])
def test_a_number_before_the_array_in_a_dict_of_gradients(factor, verdict):
    report = check_layer(
        lambda a, x: (a * x, (a, x)),
        lambda d, cache: {"da": factor * (d * cache[1]).sum(), "dx": d * cache[0]},
        0.4,
        X,
        raises=False,
    )
    assert verdicts(report) == {"da": verdict, "dx": "right"}


def test_a_gradient_that_was_not_summed_to_a_number_is_of_the_wrong_shape():
    report = check_layer(
        affine, lambda d, cache: (d @ cache[1].T, cache[0].T @ d, d.sum(axis=0)), X, W, 0.3, raises=False
    )
    assert verdicts(report)["db"] == "wrong"
    assert any("db" in finding.title and "shape" in finding.title for finding in report.findings)


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (-1, "wrong")])
def test_a_bias_that_is_a_number_beside_data_by_the_name_of_its_gradient(factor, verdict):
    def propagate(w, b, x, y):
        error = w @ x + b - y
        loss = 0.5 * np.sum(error**2)
        dw = error @ x.T
        db = factor * np.sum(error)
        return loss, dw, db

    x, y = RNG.normal(size=(4, 7)), RNG.normal(size=7)
    report = check_layer(propagate, RNG.normal(size=4), 0.0, x, y, constants=["x", "y"], raises=False)
    assert {name: v for name, v in verdicts(report).items() if v != "not differentiated"} == {
        "dw": "right",
        "db": verdict,
    }
    assert report.ok == (factor == 1)


def test_a_place_with_a_name_and_nothing_in_it():
    def affine_backward(d, cache):
        x, w = cache
        db = None
        return d @ w.T, x.T @ d, db

    assert verdicts(check_layer(affine, affine_backward, X, W, 0.3)) == {"dx": "right", "dw": "right"}


@pytest.mark.parametrize("place", [(), (None,), (0,)])
def test_an_option_has_no_gradient(place):
    report = check_layer(affine, lambda d, cache: (d @ cache[1].T, cache[0].T @ d, *place), X, W, 0.3)
    assert verdicts(report) == {"dx": "right", "dw": "right"}


def test_a_number_is_constant_where_that_is_said():
    report = check_layer(
        affine, lambda d, cache: (d @ cache[1].T, cache[0].T @ d, 0.0), X, W, 0.3, constants=["b"], raises=False
    )
    assert report.ok
    assert verdicts(report)["db"] == "not differentiated"


def test_wrt_asks_for_a_number():
    report = check_layer(affine, lambda d, cache: d.sum(), X, W, 0.3, wrt=["b"], raises=False)
    assert report.ok
    assert verdicts(report)["db"] == "right"


@pytest.mark.parametrize("number", [0.3, np.float64(0.3)])
@pytest.mark.parametrize(("sign", "verdict"), [(1, "right"), (-1, "wrong")])
@pytest.mark.parametrize("named", [("dw", "db"), ("w", "b")])
def test_a_number_in_a_dict_of_parameters(number, sign, verdict, named):
    def forward(params, X):
        return params["w"] @ X + params["b"], X

    def backward(dout, X):
        return dict(zip(named, (X @ dout, sign * dout.sum()), strict=True))

    rng = np.random.default_rng(0)
    params = {"w": rng.normal(size=4), "b": number}
    report = check_layer(forward, backward, params, rng.normal(size=(4, 7)), constants=["X"], raises=False)
    found = {g.of: g.verdict for g in report.gradients}
    assert (found["w"], found["b"]) == ("right", verdict)
    assert params["b"] is number


class _Line:
    """w·x + b with a number b, which keeps its last loss as an attribute."""

    def __init__(self, sign):
        rng = np.random.default_rng(0)
        self.x, self.y = rng.normal(size=(4, 7)), rng.normal(size=7)
        self.w, self.b, self.cost, self.sign = rng.normal(size=4), 0.3, 0.0, sign

    def loss(self):
        self.cost = float(0.5 * np.sum((self.w @ self.x + self.b - self.y) ** 2))
        return self.cost

    def gradients(self):
        error = self.w @ self.x + self.b - self.y
        return {"w": self.x @ error, "b": self.sign * np.sum(error), "cost": self.cost}


@pytest.mark.parametrize(("sign", "verdict"), [(1, "right"), (-1, "wrong")])
def test_a_number_in_a_network(sign, verdict):
    net = _Line(sign)
    report = check_network(net, loss=net.loss, gradients=net.gradients, raises=False)
    assert {g.of: g.verdict for g in report.gradients} == {"w": "right", "b": verdict}
    assert net.b == 0.3
