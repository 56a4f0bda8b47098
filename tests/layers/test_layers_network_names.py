"""Networks end to end: how parameters are named, in which orders gradients come, and what is not covered."""

import numpy as np
import pytest
from layers_checked import network_verdicts, numbers

from gradcheck import check_network
from gradcheck.errors import GradcheckError

X, Y = numbers(6, 3), numbers(6, 2)


class Gradients:
    """Of a two-layer network with W1 (3, 4), b1, W2 (4, 2), b2 wherever they are kept."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.factor = 1

    def loss(self):
        w1, b1, w2, b2 = self.parameters()
        self.h = np.tanh(X @ w1 + b1)
        self.d = 2 * (self.h @ w2 + b2 - Y)
        return float(np.sum(self.d**2) / 4)

    def __call__(self):
        w2 = self.parameters()[2]
        dh = self.d @ w2.T * (1 - self.h**2)
        return [self.factor * X.T @ dh, dh.sum(axis=0), self.h.T @ self.d, self.d.sum(axis=0)]


class Tuples:
    def __init__(self):
        self.layers = [(numbers(3, 4), numbers(4), np.tanh), (numbers(4, 2), numbers(2), None)]

    def all(self):
        return [array for layer in self.layers for array in layer[:2]]


class Column:
    """(b, W) with the bias as a row."""

    def __init__(self):
        self.layers = [(numbers(1, 4), numbers(3, 4)), (numbers(1, 2), numbers(4, 2))]

    def all(self):
        return [array for layer in self.layers for array in layer[::-1]]


class Lists:
    def __init__(self):
        self.weights, self.biases = [numbers(3, 4), numbers(4, 2)], [numbers(4), numbers(2)]

    def all(self):
        return [self.weights[0], self.biases[0], self.weights[1], self.biases[1]]


class Layer:
    def __init__(self, *shape):
        self.W, self.b = numbers(*shape), numbers(shape[1])


class Objects:
    def __init__(self):
        self.layers = [Layer(3, 4), Layer(4, 2)]

    def all(self):
        return [array for layer in self.layers for array in (layer.W, layer.b)]


class Attributes:
    def __init__(self):
        self.W1, self.W2, self.b1, self.b2 = numbers(3, 4), numbers(4, 2), numbers(4), numbers(2)

    def all(self):
        return [self.W1, self.b1, self.W2, self.b2]


class Dicts:
    def __init__(self):
        self.net = {"l1": {"W": numbers(3, 4), "b": numbers(4)}, "l2": {"W": numbers(4, 2), "b": numbers(2)}}

    def all(self):
        return [array for layer in self.net.values() for array in layer.values()]


LAYERS = {"layers[0].dW", "layers[0].db", "layers[1].dW", "layers[1].db"}
KEPT = {"dweights[0]", "dweights[1]", "dbiases[0]", "dbiases[1]"}
NUMBERED = {"dW1", "db1", "dW2", "db2"}


def by_layer(g):
    return [(g[0], g[1]), (g[2], g[3])]


def by_kind(g):
    return [g[0], g[2]], [g[1], g[3]]


def from_one(g):
    return dict(zip(["dW1", "db1", "dW2", "db2"], g, strict=True))


def from_zero(g):
    return {"W_0": g[0], "b_0": g[1], "W_1": g[2], "b_1": g[3]}


CASES = [
    (Tuples, list, LAYERS, ""),
    (Tuples, by_layer, LAYERS, ""),
    (Tuples, by_kind, LAYERS, "kind by kind: layers[0].W, layers[1].W, layers[0].b, layers[1].b"),
    (Tuples, from_one, NUMBERED, ""),
    (Tuples, from_zero, {"W_0", "b_0", "W_1", "b_1"}, ""),
    (Lists, list, KEPT, "layer by layer: weights[0], biases[0], weights[1], biases[1]"),
    (Lists, by_layer, KEPT, "layer by layer"),
    (Lists, by_kind, KEPT, ""),
    (Objects, list, LAYERS, ""),
    (Objects, from_one, NUMBERED, ""),
    (Attributes, list, NUMBERED, "layer by layer: W1, b1, W2, b2"),
    (Attributes, by_kind, NUMBERED, ""),
    (Dicts, list, {"l1['dW']", "l1['db']", "l2['dW']", "l2['db']"}, ""),
]


@pytest.mark.parametrize(("kept", "given", "names", "note"), CASES)
def test_gradients_reach_their_parameters(kept, given, names, note):
    net = kept()
    gradients = Gradients(net.all)
    holder = net.net if kept is Dicts else net
    _, found, notes = network_verdicts(holder, gradients.loss, lambda: given(gradients()))
    assert set(found) == names
    assert set(found.values()) == {"right"}
    assert note in notes
    gradients.factor = 2
    _, found, _ = network_verdicts(holder, gradients.loss, lambda: given(gradients()))
    assert sorted(found.values()) == ["right", "right", "right", "wrong"]


def test_the_bias_may_stand_first():
    net = Column()
    gradients = Gradients(net.all)

    def backward():
        g = gradients()
        return [(g[1].reshape(1, -1), g[0]), (g[3].reshape(1, -1), g[2])]

    _, found, _ = network_verdicts(net, gradients.loss, backward)
    assert found == dict.fromkeys(LAYERS, "right")


@pytest.mark.parametrize(
    ("kept", "missing"), [(Tuples, {"layers[0].db", "layers[1].db"}), (Lists, {"dbiases[0]", "dbiases[1]"})]
)
def test_what_gradients_leave_out_is_undecided(kept, missing):
    net = kept()
    gradients = Gradients(net.all)
    _, found, _ = network_verdicts(net, gradients.loss, lambda: gradients()[::2])
    assert {name for name, verdict in found.items() if verdict == "undecided"} == missing
    assert sorted(found.values()) == ["right", "right", "undecided", "undecided"]


def test_arrays_under_names_that_say_nothing_are_named():
    net = Attributes()
    net.Q = numbers(2)
    gradients = Gradients(net.all)
    _, found, notes = network_verdicts(
        net, lambda: gradients.loss() + float(net.Q @ net.Q), lambda: from_one(gradients())
    )
    assert set(found.values()) == {"right"}
    assert "not checked: Q" in notes


def test_a_wrong_order_says_how_to_declare_it():
    net = Tuples()
    gradients = Gradients(net.all)
    report = check_network(net, loss=gradients.loss, gradients=lambda: gradients()[::-1], raises=False)
    assert any(
        'params={"layers[1].b": ..., "layers[1].W": ..., "layers[0].b": ..., ...}' in line
        for finding in report.findings
        for line in finding.help
    )
    w1, b1, w2, b2 = net.all()
    declared = {"b2": b2, "W2": w2, "b1": b1, "W1": w1}
    assert check_network(net, loss=gradients.loss, gradients=lambda: gradients()[::-1], params=declared).ok


@pytest.mark.parametrize("answer", ["done", {"first": 1.0, "second": np.zeros(9)}, {"W1": numbers(3, 4)}])
def test_gradients_that_match_nothing_are_refused(answer):
    net = Tuples()
    gradients = Gradients(net.all)
    with pytest.raises(GradcheckError) as caught:
        check_network(net, loss=gradients.loss, gradients=lambda: answer)
    assert "layers[0].W (3, 4), layers[0].b (4,)" in str(caught.value)
    assert 'params={"W1": net.W1, ...}' in str(caught.value)


def test_lists_of_numbers_are_refused():
    net = {"W": [[0.5, 0.25], [1.0, 2.0]]}
    with pytest.raises(GradcheckError, match="W of dict is a Python list of numbers"):
        check_network(net, loss=lambda: float(np.sum(np.array(net["W"]) ** 2)), gradients=lambda: net)
