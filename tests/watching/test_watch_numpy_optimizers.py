"""Momentum, Adam, weight decay and state that is carried on: what is a parameter, and what is not."""

import numpy as np
import pytest

from gradcheck import watch

rng = np.random.default_rng(0)
X, T = rng.normal(size=(10, 4)), rng.normal(size=(10, 2))


class Net:
    def __init__(self):
        r = np.random.default_rng(1)
        self.W1, self.b1 = r.normal(size=(4, 3)), np.zeros(3)
        self.W2, self.b2 = r.normal(size=(3, 2)), np.zeros(2)
        self.v = {}

    def gradients(self):
        h = np.tanh(X @ self.W1 + self.b1)
        delta = (h @ self.W2 + self.b2 - T) / len(X)
        below = (delta @ self.W2.T) * (1 - h**2)
        return {"W1": X.T @ below, "b1": below.sum(0), "W2": h.T @ delta, "b2": delta.sum(0)}


class Momentum(Net):
    def __init__(self):
        super().__init__()
        self.velocity = {name: np.zeros_like(getattr(self, name)) for name in ("W1", "b1", "W2", "b2")}

    def step(self):
        for name, gradient in self.gradients().items():
            self.velocity[name] = 0.9 * self.velocity[name] - 0.1 * gradient
            setattr(self, name, getattr(self, name) + self.velocity[name])


class MomentumInPlace(Momentum):
    def step(self):
        for name, gradient in self.gradients().items():
            v = self.velocity[name]
            v *= 0.9
            v -= 0.1 * gradient
            w = getattr(self, name)
            w += v


class Adam(Net):
    def __init__(self):
        super().__init__()
        self.m = {name: np.zeros_like(getattr(self, name)) for name in ("W1", "b1", "W2", "b2")}
        self.s = {name: np.zeros_like(getattr(self, name)) for name in ("W1", "b1", "W2", "b2")}
        self.t = 0

    def step(self):
        self.t += 1
        for name, g in self.gradients().items():
            self.m[name] = 0.9 * self.m[name] + 0.1 * g
            self.s[name] = 0.999 * self.s[name] + 0.001 * g**2
            m = self.m[name] / (1 - 0.9**self.t)
            s = self.s[name] / (1 - 0.999**self.t)
            setattr(self, name, getattr(self, name) - 0.01 * m / (np.sqrt(s) + 1e-8))


class Decay(Net):
    def step(self):
        for name, g in self.gradients().items():
            w = getattr(self, name)
            g = g + 0.01 * w
            w -= 0.1 * g


class RunningMean(Net):
    def __init__(self):
        super().__init__()
        self.running_mean = np.zeros(4)

    def step(self):
        self.running_mean = 0.9 * self.running_mean + 0.1 * X.mean(axis=0)
        for name, g in self.gradients().items():
            w = getattr(self, name)
            w -= 0.1 * g


def samples_of(net, steps=4, **options):
    samples = []
    with watch(net, every=1, callback=samples.append, **options) as health:
        for _ in range(steps):
            net.step()
            health.step(loss=1.0)
    return samples, health


@pytest.mark.parametrize("kind", [Momentum, MomentumInPlace, Adam, Decay, RunningMean])
def test_the_optimizers_state_is_no_parameter(kind):
    samples, _ = samples_of(kind())
    for sample in samples:
        assert [p.name for p in sample.parameters] == ["W1", "b1", "W2", "b2"]


@pytest.mark.parametrize("kind", [Momentum, MomentumInPlace, Adam, Decay, RunningMean])
def test_the_gradient_is_the_one_that_goes_in(kind):
    net = kind()
    true = net.gradients()
    samples, _ = samples_of(net)
    for parameter in samples[0].parameters:
        assert parameter.gradient.norm == pytest.approx(np.linalg.norm(true[parameter.name]))


class Recurrent:
    """h = tanh(x Wx + h Wh + b) over five steps, the last one read out."""

    def __init__(self):
        r = np.random.default_rng(2)
        self.Wx, self.Wh, self.b = r.normal(size=(3, 4)), r.normal(size=(4, 4)) * 0.3, np.zeros(4)
        self.Wy, self.by = r.normal(size=(4, 2)), np.zeros(2)
        self.x, self.t = r.normal(size=(6, 5, 3)), r.normal(size=(6, 2))

    def step(self):
        n, steps, _ = self.x.shape
        h = np.zeros((n, 4))
        hidden = [h]
        for k in range(steps):
            h = np.tanh(self.x[:, k] @ self.Wx + h @ self.Wh + self.b)
            hidden.append(h)
        d = (h @ self.Wy + self.by - self.t) / n
        dWx, dWh, db = np.zeros_like(self.Wx), np.zeros_like(self.Wh), np.zeros_like(self.b)
        dWy, dby = h.T @ d, d.sum(axis=0)
        dh = d @ self.Wy.T
        for k in reversed(range(steps)):
            dz = dh * (1 - hidden[k + 1] ** 2)
            dWx += self.x[:, k].T @ dz
            dWh += hidden[k].T @ dz
            db += dz.sum(axis=0)
            dh = dz @ self.Wh.T
        self.gradients = [dWx, dWh, db, dWy, dby]
        for parameter, gradient in zip((self.Wx, self.Wh, self.b, self.Wy, self.by), self.gradients, strict=True):
            parameter -= 0.1 * gradient


def test_a_recurrent_network():
    net = Recurrent()
    samples, _ = samples_of(net, steps=1)
    [sample] = samples
    assert [p.name for p in sample.parameters] == ["Wx", "Wh", "b", "Wy", "by"]
    for parameter, gradient in zip(sample.parameters, net.gradients, strict=True):
        assert parameter.gradient.norm == pytest.approx(np.linalg.norm(gradient))
        assert parameter.lr == pytest.approx(0.1)
    kinds = {layer.name: layer.kind for layer in sample.layers}
    assert kinds["Wx"] == kinds["Wh"] == kinds["Wy"] == "linear"
    [tanh] = [layer for layer in sample.layers if layer.kind == "tanh"]
    assert tanh.activation.count == 5 * 6 * 4  # all calls together
    assert not tanh.gate


class Gated:
    def __init__(self):
        r = np.random.default_rng(3)
        self.Wg, self.Wc = r.normal(size=(4, 3)), r.normal(size=(4, 3))
        self.bg, self.bc = np.zeros(3), np.zeros(3)

    def step(self):
        g = 1 / (1 + np.exp(-(X @ self.Wg + self.bg)))
        c = np.tanh(X @ self.Wc + self.bc)
        out = g * c
        dg, dc = out * c * g * (1 - g), out * g * (1 - c * c)
        self.Wg -= 0.1 * X.T @ dg
        self.bg -= 0.1 * dg.sum(0)
        self.Wc -= 0.1 * X.T @ dc
        self.bc -= 0.1 * dc.sum(0)


def test_a_gate_is_told_from_an_activation():
    samples, _ = samples_of(Gated(), steps=1)
    found = {layer.kind: layer.gate for layer in samples[0].layers}
    assert found["logistic"] is True


def test_a_decayed_rate_that_is_not_the_one_in_use():
    class Decaying(Net):
        def __init__(self):
            super().__init__()
            self.alpha = self.learning_rate = 0.1

        def step(self):
            for name, g in self.gradients().items():
                w = getattr(self, name)
                w -= self.alpha * g
            self.learning_rate *= 0.9

    class Used(Decaying):
        def step(self):
            for name, g in self.gradients().items():
                w = getattr(self, name)
                w -= self.learning_rate * g
            self.learning_rate *= 0.9

    samples, health = samples_of(Decaying(), steps=6)
    assert samples[2].rates == pytest.approx({"alpha": 0.1, "learning_rate": 0.1 * 0.9**3})
    found = [f for f in health.findings if f.code == "GC405"]
    assert len(found) == 1
    assert found[0].title.startswith("learning_rate changes from")
    _, health = samples_of(Used(), steps=6)
    assert "GC405" not in [f.code for f in health.findings]


def test_equal_columns_in_the_first_sample_only():
    class Equal(Net):
        def __init__(self):
            super().__init__()
            self.W1[:] = 0.1

        step = Decay.step

    samples, _ = samples_of(Equal(), steps=2)
    assert [p.equal_columns for p in samples[0].parameters] == [True, False, False, False]
    assert not any(p.equal_columns for p in samples[1].parameters)
