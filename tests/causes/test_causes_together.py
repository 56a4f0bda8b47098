"""The same change in several gradients is one fault."""

import numpy as np
import pytest
from planted_arrays import causes, report

from gradcheck import check_layer, check_network


class Net:
    """tanh, softmax and the mean cross-entropy of 7 samples; what it gives as gradients is changed at the end."""

    def __init__(self, change):
        rng = np.random.default_rng(2)
        self.W1, self.b1 = rng.standard_normal((4, 8)), rng.standard_normal(8)
        self.W2, self.b2 = rng.standard_normal((8, 3)), rng.standard_normal(3)
        self.change = change

    def loss(self, x, y):
        self.h = np.tanh(x @ self.W1 + self.b1)
        z = self.h @ self.W2 + self.b2
        e = np.exp(z - z.max(axis=1, keepdims=True))
        self.p = e / e.sum(axis=1, keepdims=True)
        return -np.log(self.p[np.arange(len(x)), y]).mean()

    def backward(self, x, y):
        d = self.p.copy()
        d[np.arange(len(x)), y] -= 1
        d /= len(x)
        dz = d @ self.W2.T * (1 - self.h**2)
        return self.change({"W1": x.T @ dz, "b1": dz.sum(axis=0), "W2": self.h.T @ d, "b2": d.sum(axis=0)})


def found_in(change):
    rng = np.random.default_rng(0)
    x, y, net = rng.standard_normal((7, 4)), rng.integers(0, 3, 7), Net(change)
    return causes(check_network(net, loss=lambda: net.loss(x, y), gradients=lambda: net.backward(x, y)))


ALL = {
    "all 4 gradients are 7 times the true ones (the batch size, 7)": lambda g: {n: 7 * a for n, a in g.items()},
    "all 4 gradients are the negative of the true ones": lambda g: {n: -a for n, a in g.items()},
    "dW1 and db1 are 1/7 times the true ones (one over the batch size, 7)": (
        lambda g: {n: a / 7 if "1" in n else a for n, a in g.items()}
    ),
}


@pytest.mark.parametrize("title", ALL)
def test_one_change_in_several_gradients_is_one_cause(title):
    [finding] = found_in(ALL[title])
    assert finding.title == title
    assert len(finding.help) == len(set(finding.help))


def test_the_help_is_for_each_of_them():
    [finding] = found_in(ALL["all 4 gradients are 7 times the true ones (the batch size, 7)"])
    assert finding.help == ("average over the batch, do not sum: divide each of them by 7",)


def test_two_factors_are_two_causes():
    found = found_in(lambda g: g | {"W1": 7 * g["W1"], "b1": g["b1"] / 2})
    assert sorted(f.title for f in found) == [
        "dW1 is 7 times the true gradient (the batch size, 7)",
        "db1 is 1/2 times the true gradient",
    ]


@pytest.mark.parametrize(("samples", "ratio"), [(7, "1.4"), (6, "1.2")])  # 6: as many as classes, one fewer
def test_a_mean_over_the_classes_where_the_loss_is_one_over_the_batch(samples, ratio):
    def loss(z, y):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        return -np.log(p[np.arange(len(z)), y]).mean()

    def backward(dout, z, y):
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        p[np.arange(len(z)), y] -= 1
        return dout * p / z.shape[1]

    rng = np.random.default_rng(0)
    report = check_layer(loss, backward, rng.standard_normal((samples, 5)), rng.integers(0, 5, samples))
    [finding] = causes(report)
    assert finding.code == "GC201"
    assert finding.title == (
        f"dz is {ratio} times the true gradient "
        f"(the length of axis 0 of z, {samples}, over the length of axis 1 of z, 5)"
    )
    assert finding.help == (f"average over axis 0 of z, not over axis 1 of z: multiply dz by 5/{samples}",)


def test_a_bias_that_is_averaged_where_the_weights_are_not():
    def backward(dout, x, w, b):
        return dout @ w.T, x.T @ dout, dout.mean(axis=0)

    rng = np.random.default_rng(0)
    arrays = rng.standard_normal((6, 4)), rng.standard_normal((4, 3)), rng.standard_normal(3)
    [finding] = causes(check_layer(lambda x, w, b: x @ w + b, backward, *arrays))
    assert finding.title == "db is 1/6 times the true gradient (one over the batch size, 6)"
    assert finding.help == (
        "sum over the batch, do not average: multiply db by 6",
        "db is averaged over the batch unlike dw, which is right: treat both alike",
    )


def test_a_bias_that_is_divided_by_a_number_is_not_said_to_be_averaged():
    [finding] = causes(report(None, lambda db: db / 6))
    assert finding.title == "db is 1/6 times the true gradient (for another batch size too)"
    assert finding.help == (
        "multiply db by 6",
        "the factor stays 1/6 for another batch size: if that is meant, read it from the array's shape",
    )


def test_a_bias_that_is_summed_where_the_loss_is_a_mean():
    [finding] = found_in(lambda g: g | {"b1": 7 * g["b1"]})
    assert finding.help[-1] == "db1 is averaged over the batch once less than dW1, which is right: treat both alike"


def test_a_cause_of_two_gradients_is_deliberate_where_both_are_allowed():
    def backward(dout, x, b):
        return dout / 6, dout.sum(axis=0) / 6

    def forward(x, b):
        return x + b

    x, b = np.random.default_rng(0).standard_normal((6, 3)), np.ones(3)
    assert check_layer(forward, backward, x, b, allow={"dx": "GC201", "db": "GC201"}).ok
    half = check_layer(forward, backward, x, b, allow={"db": "GC201"})
    assert not half.ok
    assert {g.name: g.verdict for g in half.gradients} == {"dx": "wrong", "db": "right"}
