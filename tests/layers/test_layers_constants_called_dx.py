"""A constant called dx, gx or d_x (the step of a grid) is no gradient; what a backward writes is one."""

import numpy as np
import pytest

from gradcheck import check_layer, check_network

X = np.random.default_rng(0).normal(size=(5, 4))
W = np.random.default_rng(1).normal(size=(4, 3))
NAMES = ["dx", "d_x", "gx", "g_x", "x_grad", "xgrad", "grad_x"]
STEPS = [0.1, np.float64(0.25), 3, np.array(0.5), np.array([0.5]), np.linspace(0.5, 1.5, 4), np.abs(X) + 0.5]

dx = np.float64(0.25)
gx = np.full((5, 4), 0.25)


def verdicts(report):
    return {g.name: g.verdict for g in report.gradients}


def is_right_and_not_added_up(report):
    assert report.ok
    assert set(verdicts(report).values()) == {"right"}
    assert not any("added up" in note for note in report.notes)


class Stretch:
    def __init__(self, name, step):
        setattr(self, name, step)
        self.name = name

    def step(self):
        return getattr(self, self.name)

    def forward(self, x):
        self.out = np.tanh(x / self.step())
        return self.out

    def backward(self, d):
        return d * (1 - self.out**2) / self.step()


class Dense:
    """Keeps its gradients; ``dx`` is the step of a grid."""

    def __init__(self, step):
        self.W, self.dx = W.copy(), step

    def forward(self, x):
        self.x = x
        return x @ self.W * np.sum(self.dx)

    def backward(self, d):
        self.dW = self.x.T @ d * np.sum(self.dx)
        return d @ self.W.T * np.sum(self.dx)


@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{type(s).__name__}{np.shape(s)}")
@pytest.mark.parametrize("name", NAMES)
def test_an_attribute_that_backward_only_reads(name, step):
    is_right_and_not_added_up(check_layer(Stretch(name, step), X))


@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{type(s).__name__}{np.shape(s)}")
def test_beside_a_gradient_that_is_stored(step):
    report = check_layer(Dense(step), X)
    is_right_and_not_added_up(report)
    assert set(verdicts(report)) == {"dx", "dW"}


def test_a_global_number():
    def forward(x):
        return np.diff(x, axis=1) / dx

    def backward(d, x):
        g = np.zeros_like(x)
        g[:, 1:] += d / dx
        g[:, :-1] -= d / dx
        return g

    is_right_and_not_added_up(check_layer(forward, backward, X))


def test_a_global_array_of_the_same_shape():
    is_right_and_not_added_up(check_layer(lambda x: np.sin(x * gx), lambda d, x: d * np.cos(x * gx) * gx, X))


@pytest.mark.parametrize("step", STEPS, ids=lambda s: f"{type(s).__name__}{np.shape(s)}")
def test_a_variable_of_a_closure(step):
    d_x = step
    is_right_and_not_added_up(check_layer(lambda x: np.sin(x * d_x), lambda d, x: d * np.cos(x * d_x) * d_x, X))


def test_what_forward_keeps_under_that_name():
    class Tanh:
        def forward(self, x):
            y = np.tanh(x)
            self.dx = 1 - y**2
            return y

        def backward(self, d):
            return d * self.dx

    is_right_and_not_added_up(check_layer(Tanh(), X))


def test_a_parameter_and_a_constant_called_like_its_gradient():
    dW = np.full((4, 3), 0.5)
    report = check_layer(lambda x, w: x @ w * dW[0], lambda d, x, w: ((d * dW[0]) @ w.T, x.T @ (d * dW[0])), X, W)
    is_right_and_not_added_up(report)


def test_a_network_with_a_step_called_dw():
    class Net:
        def __init__(self):
            self.W, self.dW, self.grads = W.copy(), 0.5, {}

        def loss(self):
            return float(np.sum((X @ self.W * self.dW) ** 2))

        def gradients(self):
            self.grads = {"W": 2 * X.T @ (X @ self.W) * self.dW**2}

    net = Net()
    assert check_network(net, loss=net.loss, gradients=net.gradients).ok


# -- what is written is a gradient still ---------------------------------------------------------------------


class Adding:
    """Adds to gradients that stand there; ``dead``: they are zero at these inputs."""

    def __init__(self, stands, dead=False, wrong=False):
        self.W = W.copy()
        self.dW, self.dx = np.full(W.shape, stands), np.full(X.shape, stands)
        self.factor, self.wrong = 0.0 if dead else 1.0, wrong

    def forward(self, x):
        self.x = x
        return x @ self.W * self.factor

    def backward(self, d):
        self.dW += self.x.T @ d * self.factor * (2 if self.wrong else 1)
        self.dx += d @ self.W.T * self.factor


@pytest.mark.parametrize("dead", [False, True])
@pytest.mark.parametrize("stands", [0.0, 2.0])
def test_an_accumulator(stands, dead):
    report = check_layer(Adding(stands, dead), X)
    assert set(verdicts(report)) == {"dx", "dW"}
    assert set(verdicts(report).values()) == {"undecided" if dead else "right"}  # nothing can be said of zeros
    assert any("added up (+=) in" in note and "dW" in note and "dx" in note for note in report.notes)


def test_a_wrong_accumulator():
    assert verdicts(check_layer(Adding(2.0, wrong=True), X)) == {"dx": "right", "dW": "wrong"}


def test_the_same_numbers_stand_there_already():
    class Loss:
        """The gradient of a mean is what an earlier call with the same input has left in place."""

        def __init__(self):
            self.dx = np.zeros_like(X)

        def forward(self, x):
            self.x = x
            return np.mean(x**2)

        def backward(self):
            self.dx[...] = 2 * self.x / self.x.size

    layer = Loss()
    layer.forward(X)
    layer.backward()
    kept = layer.dx.copy()
    report = check_layer(layer, X)
    assert verdicts(report) == {"dx": "right"}
    assert "stores dx" in report.style
    assert np.array_equal(layer.dx, kept)


def test_a_gradient_of_the_wrong_shape_is_one():
    class Row:
        def __init__(self):
            self.b, self.db = np.ones(4), 0.0

        def forward(self, x):
            return x + self.b

        def backward(self, d):
            self.db = float(d.sum())
            return d

    report = check_layer(Row(), X)
    assert [f.code for f in report.findings if f.gradient == "db"] == ["GC104"]
