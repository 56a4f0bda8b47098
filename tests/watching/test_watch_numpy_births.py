"""Births in whole NumPy trainings under watch: what is dropped again is none, and a birth is told at its own line."""

import linecache
import warnings
from types import SimpleNamespace

import numpy as np
import pytest

from gradcheck import watch


class Network:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.W1, self.W2 = rng.normal(size=(8, 6)) * 0.3, rng.normal(size=(6, 3)) * 0.3
        self.x, self.y = rng.normal(size=(20, 8)), rng.integers(3, size=20)

    def learn(self, h, z):
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(20), self.y] + 1e-12).mean()
        p[np.arange(20), self.y] -= 1
        dh = p @ self.W2.T / 20
        self.W2 -= 0.1 * h.T @ p / 20
        self.W1 -= 0.1 * self.x.T @ (dh * (h > 0))
        return loss


def births(step, steps=12):
    net = Network()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with watch(net) as health:
            for k in range(steps):
                health.step(loss=step(net, k))
    return [finding for finding in health.findings if finding.code == "GC300"]


def root_where_positive(net, k):
    h = net.x @ net.W1
    h = np.where(h > 0, np.sqrt(h), 0)
    return net.learn(h, h @ net.W2)


def logarithm_where_positive(net, k):
    h = np.tanh(net.x @ net.W1)
    z = h @ net.W2
    q = np.where(z > 0, np.log(z), 0.0)
    return net.learn(h, z) + 0 * q.mean()


@pytest.mark.parametrize("step", [root_where_positive, logarithm_where_positive], ids=lambda f: f.__name__)
@pytest.mark.parametrize("steps", [1, 12, 60])
def test_what_where_drops_is_no_birth(step, steps):
    assert births(step, steps) == []


def test_a_later_birth_is_not_laid_on_what_was_dropped_before():
    def step(net, k):
        loss = root_where_positive(net, k)
        if k == 9:
            net.W2 *= np.log(np.zeros(3))  # here
        return loss

    [finding] = births(step)
    assert (finding.step, finding.where.source) == (9, "net.W2 *= np.log(np.zeros(3))  # here")


@pytest.mark.parametrize("at", [0, 3, 7])
def test_without_a_backward_a_birth_is_followed_through_entries_that_are_chosen(at):
    def step(net, k):
        z = net.x @ net.W1 @ net.W2 * (1e5 if k >= at else 1)
        e = np.exp(z)
        p = e / e.sum(1, keepdims=True)
        return -np.log(p[np.arange(20), net.y]).mean()

    [finding] = births(step)
    assert (finding.step, finding.where.source) == (at, "e = np.exp(z)")


def test_a_value_that_is_written_is_born_at_the_assignment():
    def step(net, k):
        h = np.tanh(net.x @ net.W1)
        if k == 5:
            h[0, 0] = np.inf
        return net.learn(h, h @ net.W2)

    [finding] = births(step)
    assert finding.title.startswith("an assignment ([]=) makes the first infinity")
    assert finding.where.source == "h[0, 0] = np.inf"


def test_the_mean_of_nothing_is_told_and_does_not_stop_the_training():
    def step(net, k):
        h = np.tanh(net.x @ net.W1)
        chosen = h[: 0 if k == 5 else 20]
        return (chosen.mean(0) + net.learn(h, h @ net.W2)).sum()

    [finding] = births(step)
    assert (finding.step, finding.cause) == (5, ("the mean of no entries is 0/0",))


def test_an_update_in_a_function_that_is_named_for_nothing_is_an_update():
    def run(net, k):
        def go(g):
            net.W1 -= 0.1 * g / (np.linalg.norm(g) * (k < 6))

        h = np.tanh(net.x @ net.W1)
        go(net.x.T @ (h * 0))
        return 1.0

    [finding] = births(run)
    assert finding.title == "division (/) makes the first NaN, in the update at step 0"


def test_data_that_came_in_bad():
    def step(net, k):
        x = np.array(net.x)
        if k == 4:
            x = np.where(np.arange(8) == 4, [[float("nan")]], np.asarray(x))
        h = np.tanh(x @ net.W1)
        return net.learn(h, h @ net.W2)

    [finding] = births(step)
    assert "x[0, 4] is NaN before anything is done with it" in finding.title
    assert "learning rate" not in finding.help[0]
    assert linecache.getline(finding.where.file, finding.where.line).strip() == "h = np.tanh(x @ net.W1)"


def healthy(step, steps=30):
    net = Network()
    samples = []
    with watch(net, callback=samples.append) as health:
        for _ in range(steps):
            health.step(loss=step(net))
    assert [f.title for f in health.findings if f.severity != "info"] == []
    return samples[-1]


def test_a_rate_within_the_product_is_not_told_as_1():
    def step(net):
        h = np.tanh(net.x @ net.W1)
        e = np.exp(h @ net.W2)
        p = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(p[np.arange(20), net.y]).mean()
        p[np.arange(20), net.y] -= 1
        dz = p @ net.W2.T * (1 - h * h)
        net.W2 -= 0.005 * h.T @ p
        net.W1 -= 0.005 * net.x.T @ dz
        return loss

    assert {parameter.name: parameter.lr for parameter in healthy(step).parameters} == {"W1": None, "W2": None}


def test_weights_and_biases_that_are_stacked():
    def step(net):
        W = np.vstack([net.W1, net.b[None]])
        x = np.hstack([net.x, np.ones((20, 1))])
        h = np.tanh(x @ W)
        dz = (h - 0.5) / 20
        loss = ((h - 0.5) ** 2).sum() / 40
        dW = x.T @ (dz * (1 - h * h))
        net.W1 -= 0.1 * dW[:-1]
        net.b -= 0.1 * dW[-1]
        return loss

    def with_bias(net):
        if not hasattr(net, "b"):
            net.b = np.zeros(6)
        return step(net)

    assert {parameter.name for parameter in healthy(with_bias).parameters} == {"W1", "b"}


def test_a_softmax_with_its_own_logarithm_is_taken_once():
    assert healthy(lambda net: net.learn(h := np.maximum(net.x @ net.W1, 0), h @ net.W2)).output.where is not None


@pytest.mark.parametrize(
    ("begin", "codes"),
    [("kept", {"GC336"}), ("written", set()), ("filled", set()), ("new", set())],
)
def test_gradients_that_numpy_adds_up(begin, codes):
    net = Network()
    net.dW2 = np.zeros((6, 3))
    with watch(net) as health:
        for _ in range(30):
            if begin == "written":
                net.dW2[...] = 0
            elif begin == "filled":
                net.dW2.fill(0)
            elif begin == "new":
                net.dW2 = np.zeros((6, 3))
            h = np.tanh(net.x @ net.W1)
            e = np.exp(h @ net.W2)
            p = e / e.sum(axis=1, keepdims=True)
            loss = -np.log(p[np.arange(20), net.y]).mean()
            p[np.arange(20), net.y] -= 1
            net.dW2 += h.T @ p / 20
            net.W1 -= 0.1 * net.x.T @ (p @ net.W2.T * (1 - h * h)) / 20
            net.W2 -= 0.1 * net.dW2
            health.step(loss=loss)
    assert {f.code for f in health.findings if f.severity == "error"} == codes


def test_a_watch_that_saw_no_array_in_use_is_not_ok():
    net = Network()
    weights = np.array(net.W1)  # not the network's own
    with watch(net) as health:
        for _ in range(5):
            weights -= 0.1 * np.array(net.x).T @ np.tanh(np.array(net.x) @ weights)
            health.step(loss=1.0)
    report = health.report()
    assert not report.ok
    assert "nothing was watched: no array of it was seen in use" in str(report)


@pytest.mark.parametrize("safe", [False, True])
def test_a_birth_where_no_step_is_marked(safe):
    net = SimpleNamespace(W=np.array([[0.5, 0.0], [0.25, 1.0]]))
    with np.errstate(all="ignore"), watch(net) as health:
        for _ in range(3):
            logs = np.log(net.W)
            loss = -(np.where(net.W > 0, logs, 0.0) if safe else logs).mean()
    assert np.isfinite(loss) == safe
    found = [finding for finding in health.findings if finding.code == "GC300"]
    assert [finding.title for finding in found] == (
        [] if safe else ["np.log makes the first infinity, in the forward pass at step 0"]
    )
    assert any("call health.step(loss=...)" in sentence for sentence in health.report(raises=False).watched.unseen)
