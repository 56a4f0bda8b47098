"""The ways in which parameters, gradients and updates are handed over."""

import functools

import numpy as np
import pytest

from gradcheck import check_learning_rate, check_step

rng = np.random.default_rng(0)


@pytest.fixture
def w():
    return rng.normal(size=(3, 2))


@pytest.fixture
def g():
    return rng.normal(size=(3, 2))


def sgd(w, dw, config=None):
    """As courses have it: changes w in place and returns it with its configuration."""
    w -= 0.1 * dw
    return w, config


def sgd_of_a_copy(w, dw, config=None):
    return w - 0.1 * dw, config


@pytest.mark.parametrize("update", [sgd, sgd_of_a_copy])
def test_update_functions(update, w, g):
    for step in (lambda: update(w, g), functools.partial(update, w, g)):
        assert check_step(step, params=w, gradients=g, lr=0.1).ok
        assert check_step(step, params=[w], gradients=[g], lr=0.1).ok
        assert check_step(step, params=(w,), gradients=(g,), lr=0.1).ok
        assert check_step(step, params={"w": w}, gradients={"dw": g}, lr=0.1).ok
        assert not check_step(step, params=w, gradients=-g, lr=0.1).ok


def test_what_is_returned_has_to_be_stored_and_this_is_said(w, g):
    report = check_step(lambda: sgd_of_a_copy(w, g), params=w, gradients=g, lr=0.1)
    assert any("judged by the arrays that it returns" in note for note in report.notes)


class Optimizer:
    def __init__(self, lr):
        self.lr = lr

    def update(self, parameter, gradient):
        parameter -= self.lr * gradient

    def update_all(self, params, grads):
        for key in params:
            params[key] = params[key] - self.lr * grads[key]


def test_an_optimizer_object(w, g):
    optimizer = Optimizer(0.1)
    assert check_step(lambda: optimizer.update(w, g), params={"w": w}, gradients={"w": g}, lr=optimizer.lr).ok


def test_a_dict_of_parameters_whose_arrays_are_replaced(w, g):
    params, grads, optimizer = {"W": w, "b": w[0].copy()}, {"W": g, "b": g[0].copy()}, Optimizer(0.1)
    before = dict(params)
    assert check_step(lambda: optimizer.update_all(params, grads), params=params, gradients=grads, lr=0.1).ok
    assert all(params[name] is before[name] for name in params)


def test_a_list_of_parameters_whose_arrays_are_replaced(w, g):
    params = [w, w[0].copy()]

    def step():
        for k, gradient in enumerate((g, g[0])):
            params[k] = params[k] - 0.1 * gradient

    assert check_step(step, params=params, gradients=[g, g[0]], lr=0.1).ok
    assert params[0] is w


class Layer:
    def __init__(self):
        self.W, self.b = rng.normal(size=(3, 2)), np.zeros(2)
        self.dW, self.db = np.zeros((3, 2)), np.zeros(2)

    def backward(self, x, dout):
        self.dW[...] = x.T @ dout
        self.db = dout.sum(axis=0)


class Network:
    def __init__(self, rate=0.1):
        self.layers = [Layer(), Layer()]
        self.layers[1].W = rng.normal(size=(2, 2))
        self.layers[1].dW = np.zeros((2, 2))
        self.rate = rate

    def train_step(self, x, y):
        h = x @ self.layers[0].W + self.layers[0].b
        delta = h @ self.layers[1].W + self.layers[1].b - y
        self.layers[1].backward(h, delta)
        self.layers[0].backward(x, delta @ self.layers[1].W.T)
        for layer in self.layers:
            layer.W -= self.rate * layer.dW
            layer.b -= self.rate * layer.db


class Fixed(Network):
    def __init__(self, x, y):
        super().__init__()
        self.x, self.y = x, y

    def one_step(self):
        self.train_step(self.x, self.y)


def test_gradients_that_the_step_leaves_beside_the_parameters():
    net, x, y = Network(), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    report = check_step(lambda: net.train_step(x, y), params=net, lr=0.1)
    assert report.ok
    assert [u.name for u in report.updates] == ["layers[0].W", "layers[0].b", "layers[1].W", "layers[1].b"]
    assert report.style.endswith("the gradients that are stored beside the parameters")
    assert check_step(lambda: net.train_step(x, y), params=net, lr=0.2).findings[0].code == "GC402"
    assert not np.any(net.layers[0].dW)


def test_a_method_belongs_to_the_object_that_is_to_move():
    net, x, y = Network(), rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    assert check_step(functools.partial(net.train_step, x, y), params=net, lr=0.1).ok
    assert check_step(Fixed(x, y).one_step, lr=0.1).ok


def test_a_loss_that_takes_the_parameters(w, g):
    x = rng.normal(size=(4, 3))

    def loss(weights):
        return np.sum((x @ weights) ** 2) / 2

    def step():
        w[...] -= 0.1 * x.T @ (x @ w)

    assert check_step(step, params=w, loss=loss, lr=0.1).ok
    assert check_step(step, params={"w": w}, loss=lambda w: loss(w), lr=0.1).ok


def test_gradients_that_are_written_during_the_step(w):
    grads = {"w": np.zeros_like(w)}

    def step():
        grads["w"][...] = 2 * w
        w[...] -= 0.1 * grads["w"]

    assert check_step(step, params={"w": w}, gradients=grads, lr=0.1).ok


def test_gradients_that_the_step_scales_in_place(w, g):
    def step():
        np.multiply(g, 0.1, out=g)
        w[...] -= g

    assert check_step(step, params={"w": w}, gradients={"w": g}, lr=0.1).ok


def test_gradients_that_are_set_to_zero_after_the_step(w, g):
    def step():
        w[...] -= 0.1 * g
        g[...] = 0

    assert check_step(step, params={"w": w}, gradients={"w": g}, lr=0.1).ok


def test_an_array_that_the_step_does_not_use(w, g):
    copy = w.copy()

    def step():
        w[...] -= 0.1 * g

    report = check_step(step, params={"w": copy}, gradients={"w": g}, lr=0.1)
    assert report.findings[0].code == "GC403"
    assert "is it a copy" in report.findings[0].cause[0]


class TwoPlaces:
    """Its forward reads W, its update the list."""

    def __init__(self):
        self.W = rng.normal(size=(3, 2))
        self.params = [self.W]

    def loss(self):
        return np.sum(self.W**2)

    def step(self):
        self.params[0] = self.params[0] - 0.1 * 2 * self.params[0]


def test_an_array_that_is_replaced_in_one_of_two_places():
    net = TwoPlaces()
    report = check_step(net.step, params=net, loss=net.loss, lr=0.1)
    assert any(f.code == "GC403" for f in report.findings)
    assert net.params[0] is net.W


# -- momentum -----------------------------------------------------------------------------------------------------


def momentum(w, dw, config):
    """v ← βv - lr·g, w ← w + v, as courses have it."""
    config["v"] = 0.9 * config.get("v", 0) - 0.1 * dw
    w += config["v"]


def torch_like(w, dw, config):
    config["v"] = 0.9 * config.get("v", 0) + dw
    w -= 0.1 * config["v"]


def nesterov(w, dw, config):
    config["v"] = 0.9 * config.get("v", 0) + dw
    w -= 0.1 * (dw + 0.9 * config["v"])


@pytest.mark.parametrize("update", [momentum, torch_like, nesterov])
@pytest.mark.parametrize("earlier", [0, 1, 5])
def test_momentum_that_is_stated_is_allowed_for(update, earlier, w):
    config = {}
    x = rng.normal(size=(4, 3))

    def gradient():
        return x.T @ (x @ w) / 10

    for _ in range(earlier):
        update(w, gradient(), config)

    def step():
        update(w, gradient(), config)

    report = check_step(step, params={"w": w}, gradients=gradient, lr=0.1, momentum=0.9)
    assert report.ok
    assert report.updates[0].effective_lr == pytest.approx(0.1)
    assert len(config) == min(earlier, 1)


@pytest.mark.parametrize("update", [momentum, torch_like])
def test_momentum_that_is_not_stated_is_named(update, w, g):
    config = {}
    update(w, rng.normal(size=(3, 2)), config)
    report = check_step(lambda: update(w, g, config), params={"w": w}, gradients={"w": g}, lr=0.1)
    assert report.findings[0].code == "GC407"
    assert report.findings[0].help == ("state it, momentum=0.9, if it is meant",)


def test_a_running_mean_of_the_gradient_is_told_by_its_weight(w, g):
    config = {"beta": 0.9}

    def step():
        config["v"] = config["beta"] * config.get("v", 0) + (1 - config["beta"]) * g
        w[...] -= 0.1 * config["v"]

    report = check_step(step, params={"w": w}, gradients={"w": g}, lr=0.1, momentum=0.9)
    assert report.findings[0].code == "GC402"
    assert any("1/10" in line or "1 - " in line for line in (report.findings[0].title, *report.findings[0].cause))


class AtACorner:
    """A ReLU whose input is exactly 0 for one unit; its derivative there is 0, autograd takes another."""

    def __init__(self, wrong=False):
        self.x, self.wrong = np.array([[1.0, 2.0], [0.5, -1.0]]), wrong
        self.W, self.b = rng.normal(size=(2, 4)), np.zeros(4)
        self.W[:, 1] = 0

    def loss(self):
        return np.sum(np.maximum(self.x @ self.W + self.b, 0))

    def gradients(self):
        mask = (self.x @ self.W + self.b > 0) * (1.0 + self.wrong * np.arange(4))
        return {"W": self.x.T @ mask, "b": mask.sum(axis=0)}

    def step(self):
        for name, gradient in self.gradients().items():
            getattr(self, name)[...] -= 0.1 * gradient


def test_a_slope_of_one_side_is_right_at_a_corner():
    net = AtACorner()
    report = check_step(net.step, params=net, loss=net.loss, lr=0.1)
    assert report.ok
    wrong = AtACorner(wrong=True)
    assert not check_step(wrong.step, params=wrong, loss=wrong.loss, lr=0.1).ok
    assert check_learning_rate(net.loss, net, lr=0.1, gradient=net.gradients).findings == ()
