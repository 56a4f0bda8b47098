"""A list of layers: the guilty one is wrong, those below inherit it, the others are right."""

import numpy as np
import pytest

from gradcheck import GradcheckError, check_network


class Dense:
    def __init__(self, n, m, seed, wrong=None):
        self.W = np.random.default_rng(seed).standard_normal((n, m))
        self.b = np.zeros(m)
        self.wrong = wrong

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.x.T @ dout * (2 if self.wrong == "dW" else 1)
        self.db = dout.sum(axis=0)
        return dout @ self.W.T * (-1 if self.wrong == "dx" else 1)


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dout):
        return dout * (1 - self.y**2)


def softmax_loss(logits, labels):
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    n = np.arange(len(labels))
    d = p.copy()
    d[n, labels] -= 1
    return -np.log(p[n, labels]).mean(), d / len(labels)


def data():
    rng = np.random.default_rng(0)
    return rng.standard_normal((6, 4)), rng.integers(0, 3, 6)


def network(**wrong):
    return [
        ("fc1", Dense(4, 5, 1, wrong.get("fc1"))),
        ("tanh", Tanh()),
        ("fc2", Dense(5, 5, 2, wrong.get("fc2"))),
        ("act", Tanh()),
        ("fc3", Dense(5, 3, 3, wrong.get("fc3"))),
    ]


def table(report):
    return {(g.layer, g.name): g.verdict for g in report.gradients}


def test_all_right():
    report = check_network(network(), *data(), loss=softmax_loss)
    assert report.ok, str(report)
    assert report.kind == "network"
    assert report.subject == "fc1 → tanh → fc2 → act → fc3"
    assert [g.layer for g in report.gradients if g.name == "dx"] == ["fc1", "tanh", "fc2", "act", "fc3"]
    assert report.gradients[-2].layer == "loss"


@pytest.mark.parametrize("layer", ["fc1", "fc2", "fc3"])
def test_a_wrong_weight_gradient_shows_once(layer):
    report = check_network(network(**{layer: "dW"}), *data(), loss=softmax_loss)
    assert [k for k, v in table(report).items() if v == "wrong"] == [(layer, "dW")]
    assert not [g for g in report.gradients if g.inherits]


def test_a_wrong_gradient_to_the_layer_below_shows_once_and_is_inherited():
    report = check_network(network(fc2="dx"), *data(), loss=softmax_loss)
    assert [k for k, v in table(report).items() if v == "wrong"] == [("fc2", "dx")]
    assert {g.layer for g in report.gradients if g.inherits == "fc2"} == {"fc1", "tanh"}
    assert not report.ok


def test_layers_as_functions_with_their_parameters():
    rng = np.random.default_rng(4)
    w = rng.standard_normal((4, 3))

    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout

    report = check_network([("linear", forward, backward, w)], *data(), loss=softmax_loss)
    assert report.ok, str(report)
    assert ("linear", "dw") in table(report)


def test_names_may_be_left_out():
    report = check_network([Dense(4, 3, 0)], *data(), loss=softmax_loss)
    assert report.ok
    assert report.subject == "0 Dense"


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: check_network([], *data(), loss=softmax_loss), "network: the list of layers is empty"),
        (lambda: check_network(network()), "inputs: give the input of the first layer after the list"),
        (lambda: check_network([("a", Tanh()), ("a", Tanh())], data()[0]), "network: two layers are called 'a'"),
        (lambda: check_network([("a",)], data()[0]), "network: entry 0 of the list has a name but no layer"),
        (
            lambda: check_network(Dense(4, 3, 0), data()[0], loss=lambda: 0, gradients=dict),
            "inputs: a network object takes none",
        ),
    ],
)
def test_mistakes_of_the_caller(call, text):
    with pytest.raises(GradcheckError, match=text):
        call()


def test_one_object_in_two_places_is_named():
    tanh, square = Tanh(), Dense(4, 4, 5)
    layers = [("a", tanh), ("fc", Dense(4, 4, 6)), ("b", tanh), ("out", Dense(4, 3, 7))]
    report = check_network(layers, *data(), loss=softmax_loss)
    assert [f.title for f in report.findings if f.severity == "error"] == [
        "a and b are one and the same object: its cache is overwritten when the network is run as a whole"
    ]
    assert not report.ok
    shared = [("a", square), ("tanh", Tanh()), ("b", square), ("out", Dense(4, 3, 7))]
    assert (
        "the gradients of its parameters are overwritten"
        in check_network(shared, *data(), loss=softmax_loss).findings[0].title
    )


def test_layers_below_one_that_stops_every_gradient_are_judged_all_the_same():
    class Dead:
        def forward(self, x):
            return np.maximum(x - 1e6, 0)

        def backward(self, dout):
            return 0 * dout

    layers = [("fc1", Dense(4, 5, 1, "dW")), ("dead", Dead()), ("fc2", Dense(5, 3, 2))]
    report = check_network(layers, *data(), loss=softmax_loss)
    assert table(report)["fc1", "dW"] == "wrong"
    assert "no gradient reaches fc1: the layers above stop all of it; judged with a random one" in report.notes
