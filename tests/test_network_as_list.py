"""A list given as the network: the layers of a chain, or, with ``gradients=``, what one big backward is about."""

import numpy as np
import pytest

from gradcheck import check_network, from_update
from gradcheck.errors import GradcheckError

RNG = np.random.default_rng(11)
X, Y = RNG.normal(size=(6, 4)), RNG.normal(size=(6, 2))


class Dense:
    def __init__(self, rows, columns):
        self.W, self.b = RNG.normal(size=(rows, columns)), RNG.normal(size=columns)

    def forward(self, x):
        self.x = x
        self.out = np.tanh(x @ self.W + self.b)
        return self.out

    def backward(self, d):
        d = d * (1 - self.out**2)
        self.dW, self.db = self.x.T @ d, d.sum(axis=0)
        return d @ self.W.T


def squares(p, y):
    return 0.5 * np.sum((p - y) ** 2), p - y


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def triples():
    return [
        (RNG.normal(size=(4, 3)), RNG.normal(size=3), sigmoid),
        (RNG.normal(size=(3, 2)), RNG.normal(size=2), sigmoid),
    ]


def loss_of(net):
    a = X
    for W, b, activation in net:
        a = activation(a @ W + b)
    return squares(a, Y)[0]


def gradients_of(net, factor=1):
    kept = [X]
    for W, b, activation in net:
        kept.append(activation(kept[-1] @ W + b))
    d, found = kept[-1] - Y, []
    for (W, _, _), below, out in zip(net[::-1], kept[-2::-1], kept[:0:-1], strict=True):
        d = d * out * (1 - out)
        found.insert(0, (factor * below.T @ d, d.sum(axis=0)))
        d = d @ W.T
    return found


def rows(report):
    return {g.name: g.verdict for g in report.gradients}


@pytest.mark.parametrize(("factor", "verdict"), [(1, "right"), (2, "wrong")])
def test_triples_with_one_backward(factor, verdict):
    net = triples()
    report = check_network(net, loss=lambda: loss_of(net), gradients=lambda: gradients_of(net, factor), raises=False)
    assert rows(report) == {
        "layers[0].dW": verdict,
        "layers[0].db": "right",
        "layers[1].dW": verdict,
        "layers[1].db": "right",
    }


@pytest.mark.parametrize(("sign", "verdict"), [(1, "right"), (-1, "wrong")])
def test_triples_that_a_step_replaces(sign, verdict):
    net = triples()
    before = list(net)

    def step():
        for k, ((W, b, activation), (dW, db)) in enumerate(zip(net, gradients_of(net), strict=True)):
            net[k] = (W - sign * 0.01 * dW, b - sign * 0.01 * db, activation)

    report = check_network(net, loss=lambda: loss_of(net), gradients=from_update(step, lr=0.01), raises=False)
    assert set(rows(report).values()) == {verdict}
    assert all(now is then for now, then in zip(net, before, strict=True))


def chain():
    return [("fc1", Dense(4, 3)), ("fc2", Dense(3, 2))]


def test_layers_with_one_backward_that_stores():
    net = [layer for _, layer in chain()]

    def loss():
        return squares(net[1].forward(net[0].forward(X)), Y)[0]

    def backward():
        loss()
        net[0].backward(net[1].backward(net[1].out - Y))

    report = check_network(net, loss=loss, gradients=backward)
    assert set(rows(report)) == {"layers[0].dW", "layers[0].db", "layers[1].dW", "layers[1].db"}
    assert report.ok


def test_without_gradients_it_is_a_chain():
    report = check_network(chain(), X, Y, loss=squares)
    assert report.style.startswith("layer by layer")


def test_wrt_and_constants_of_a_chain():
    layers = chain()
    layers[0][1].backward = lambda d: layers[0][1].__class__.backward(layers[0][1], d) * 2
    wrong = check_network(layers, X, Y, loss=squares, raises=False)
    assert [(g.layer, g.name) for g in wrong.gradients if g.verdict == "wrong"] == [("fc1", "dx")]
    for choice in ({"constants": ["fc1.x"]}, {"wrt": ["W", "fc2.b"]}):
        report = check_network(layers, X, Y, loss=squares, **choice)
        assert report.ok
        assert not report.findings
    shown = [(g.layer, g.name) for g in report.gradients if g.verdict == "right"]
    assert shown == [("fc1", "dW"), ("fc2", "dW"), ("fc2", "db")]


@pytest.mark.parametrize("argument", ["wrt", "constants"])
def test_names_that_no_layer_has(argument):
    with pytest.raises(GradcheckError, match=rf"{argument} names 'fc3.W', which no layer has: there are fc1.x, fc1.W"):
        check_network(chain(), X, Y, loss=squares, **{argument: ["fc3.W"]})
