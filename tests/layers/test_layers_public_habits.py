"""Habits of public from-scratch codes that once were misread, refused, or passed in silence; right and wrong."""

import numpy as np
import pytest
from layers_checked import network_verdicts, numbers, verdicts

from gradcheck import check_layer
from gradcheck.errors import GradcheckError

X = numbers(4, 3)


class Linear:
    factor = 1

    def __init__(self):
        self.W, self.b = numbers(3, 2), numbers(2)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, d):
        self.dW, self.db = self.factor * self.x.T @ d, d.sum(axis=0)
        return d @ self.W.T


class Twice(Linear):
    factor = 2


@pytest.mark.parametrize(("layer", "verdict"), [(Linear(), "right"), (Twice(), "wrong")])
def test_two_bound_methods_are_their_object(layer, verdict):
    style, found, _ = verdicts(layer.forward, layer.backward, X)
    assert style == "object: forward(x) -> out, backward(d), stores dW, db"
    assert found == {"dx": "right", "dW": verdict, "db": "right"}


@pytest.mark.parametrize(("layer", "verdict"), [(Linear(), "right"), (Twice(), "wrong")])
def test_functions_around_an_object(layer, verdict):
    _, found, _ = verdicts(lambda x: layer.forward(x), lambda d: layer.backward(d), X)
    assert found == {"dx": "right", "layer.dW": verdict, "layer.db": "right"}


class State:
    def __init__(self, factor=1):
        self.p = {"W": numbers(3, 2), "b": numbers(1, 2)}
        self.g, self.cache, self.factor = {}, {}, factor


def state_forward(layer, x):
    layer.cache["x"] = x
    return x @ layer.p["W"] + layer.p["b"]


def state_backward(layer, dx):
    layer.g["dW"] = layer.factor * layer.cache["x"].T @ dx
    layer.g["db"] = dx.sum(axis=0, keepdims=True)
    return dx @ layer.p["W"].T


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_functions_that_are_given_the_layer(factor, verdict):
    style, found, _ = verdicts(state_forward, state_backward, State(factor), X)
    assert style == "forward -> out, backward(layer, dx), stores layer.g['dW'], layer.g['db']"
    assert found == {"dx": "right", "layer.g['dW']": verdict, "layer.g['db']": "right"}


def test_parameters_in_an_argument_without_a_gradient_are_named():
    def backward(layer, dx):
        return dx @ layer.p["W"].T

    assert "not checked: layer.p['W'], layer.p['b']" in verdicts(state_forward, backward, State(), X)[2]


def cell(x, h, params):
    nh = np.tanh(x @ params["Wx"] + h @ params["Wh"])
    return nh, nh @ params["Wy"], (x, h, params, nh)


def cell_backward(dnh, cache):
    x, h, params, nh = cache
    d = dnh * (1 - nh**2)
    return {"dx": d @ params["Wx"].T, "dh": d @ params["Wh"].T, "dWx": x.T @ d, "dWh": h.T @ d}


def test_what_only_an_output_without_an_upstream_depends_on():
    params = {"Wx": numbers(3, 3), "Wh": numbers(3, 3), "Wy": numbers(3, 2)}
    style, found, notes = verdicts(cell, cell_backward, X, numbers(4, 3), params)
    assert style == "forward -> (nh, unused, cache), backward(dnh, cache)"
    assert found.pop("dWy") == "not differentiated"
    assert set(found.values()) == {"right"}
    assert "backward takes no upstream gradient for it: not checked" in notes


def test_a_forgotten_gradient_is_still_missing():
    def backward(dnh, cache):
        found = cell_backward(dnh, cache)
        del found["dWh"]
        return found

    params = {"Wx": numbers(3, 3), "Wh": numbers(3, 3), "Wy": numbers(3, 2)}
    assert verdicts(cell, backward, X, numbers(4, 3), params)[1]["dWh"] == "undecided"


class Stack:
    def __init__(self, stores):
        self.layers = [{"W": numbers(3, 4), "b": numbers(4)}, {"W": numbers(4, 2), "b": numbers(2)}]
        self.stores, self.factor = stores, 1

    def forward(self, x):
        first, second = self.layers
        self.x, self.h = x, np.tanh(x @ first["W"] + first["b"])
        return self.h @ second["W"] + second["b"]

    def backward(self, d):
        dh = d @ self.layers[1]["W"].T * (1 - self.h**2)
        grads = [
            {"W": self.x.T @ dh, "b": dh.sum(axis=0)},
            {"W": self.factor * self.h.T @ d, "b": d.sum(axis=0)},
        ]
        dx = dh @ self.layers[0]["W"].T
        if self.stores:
            self.grads = grads
            return dx
        return dx, grads


@pytest.mark.parametrize("stores", [True, False])
def test_a_list_of_dicts_beside_the_layers(stores):
    stack = Stack(stores)
    _, found, _ = verdicts(stack, X)
    assert len(found) == 5
    assert set(found.values()) == {"right"}
    stack.factor = 2
    _, found, _ = verdicts(stack, X)
    assert {name for name, verdict in found.items() if verdict == "wrong"} == {
        "grads[1]['W']" if stores else "layers[1]['dW']"
    }


def test_star_arguments():
    def forward(x, *params):
        w, b = params
        return x @ w + b

    def backward(dout, x, *params):
        return dout @ params[0].T, x.T @ dout, dout.sum(axis=0)

    assert set(verdicts(forward, backward, X, numbers(3, 2), numbers(2))[1].values()) == {"right"}


def test_optional_arguments_before_the_cache():
    def forward(x, h):
        s = np.tanh(x + h)
        return 2 * s, s, (s,)

    def backward(dout, dstate=None, cache=None):
        (s,) = cache
        d = (2 * dout if dstate is None else 2 * dout + dstate) * (1 - s * s)
        return d, d

    _, found, notes = verdicts(forward, backward, X, numbers(4, 3))
    assert set(found.values()) == {"right"}
    assert "takes no upstream gradient" in notes


class Sigmoid:
    factor = 1

    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def derivative(self):
        return self.factor * self.y * (1 - self.y)


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_a_derivative_of_what_was_kept(factor, verdict):
    layer = Sigmoid()
    layer.factor = factor
    style, found, _ = verdicts(layer, X)
    assert style == "object: forward(x) -> out, derivative()"
    assert found == {"dx": verdict}


class Context:
    def save_for_backward(self, *values):
        self.saved = values


class Mul:
    @staticmethod
    def forward(ctx, x, y):
        ctx.save_for_backward(x, y)
        return x * y

    @staticmethod
    def backward(ctx, d):
        x, y = ctx.saved
        return d * y, d * x


def test_a_context_is_given_first():
    assert set(verdicts(Mul, Context(), X, numbers(4, 3))[1].values()) == {"right"}
    with pytest.raises(GradcheckError, match="ctx is an object of yours that keeps what backward needs: give it first"):
        check_layer(Mul, X, numbers(4, 3))


class Plain:
    def __init__(self):
        self.W, self.b, self.factor = numbers(3, 2), numbers(2), 1

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, g):
        self.grads = [self.factor * self.x.T @ g, g.sum(axis=0)]
        return g @ self.W.T


class OneWeight:
    def __init__(self):
        self.theta, self.factor = numbers(3, 2), 1

    def forward(self, x):
        self.x = x
        return x @ self.theta

    def backward(self, g):
        self.gradient = self.factor * self.x.T @ g
        return g @ self.theta.T


@pytest.mark.parametrize(("layer", "name"), [(Plain, "grads[0]"), (OneWeight, "gradient")])
def test_gradients_in_the_order_of_the_parameters(layer, name):
    made = layer()
    assert set(verdicts(made, X)[1].values()) == {"right"}
    made.factor = 2
    assert verdicts(made, X)[1][name] == "wrong"


class WholeNetwork:
    def __init__(self):
        self.W, self.lr = numbers(3, 2), 0.1

    def forward(self, x):
        self.out = x @ self.W
        return self.out

    def backward(self, x, y):
        self.dW = x.T @ (self.out - y)
        self.W = self.W - self.lr * self.dW


def test_a_backward_that_takes_targets_is_a_network():
    with pytest.raises(GradcheckError, match=r"takes targets, y, and no upstream gradient.*check_network\(net, loss="):
        check_layer(WholeNetwork(), X)


def test_a_network_that_stores_gradients_and_moves_its_weights():
    net, y = WholeNetwork(), numbers(4, 2)
    before = net.W
    kept = before.copy()
    _, found, notes = network_verdicts(net, lambda: 0.5 * np.sum((net.forward(X) - y) ** 2), lambda: net.backward(X, y))
    assert found == {"dW": "right"}
    assert "gradients() updates W too: put back after each call" in notes
    assert net.W is before
    np.testing.assert_array_equal(net.W, kept)
