"""A layer that a finding names is shown with its histograms, in PyTorch and in NumPy, and no other is."""

import numpy as np
import pytest
import torch
from torch import nn

from gradcheck import load_report, watch


def trained(model, dtype=torch.float32, steps=12):
    torch.manual_seed(0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    x, y = torch.randn(64, 20, dtype=dtype), torch.randint(0, 5, (64,))
    with watch(model, optimizer) as health:
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(x).float(), y).backward()
            optimizer.step()
    return health.report()


def dead(*, inplace=False, dtype=torch.float32):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 300), nn.ReLU(inplace=inplace), nn.Linear(300, 5)).to(dtype)
    with torch.no_grad():
        model[0].bias.fill_(-30)
    return model


def shown(report):
    rows = (*report.watched.layers, *report.watched.parameters)
    return {row.name: {found.of: found for found in row.histograms} for row in rows if row.histograms}


@pytest.mark.parametrize("options", [{}, {"inplace": True}, {"dtype": torch.bfloat16}], ids=str)
def test_dead_units_are_seen_in_what_comes_in(options):
    report = trained(dead(**options), options.get("dtype", torch.float32))
    of = shown(report)["1"]
    assert of["input"].high < 0
    assert (of["output"].zeros, sum(of["output"].counts)) == (of["output"].entries, 0)
    assert of["gradient"].log
    assert of["gradient"].high > 0
    assert of["input"].entries <= 4096 < of["input"].size == 64 * 300
    assert load_report(report.to_json()) == report


class Called(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.first, self.last = model[0], model[2]

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def test_an_activation_called_as_a_function():
    assert shown(trained(Called(dead())))["relu after first"]["input"].high < 0


def test_of_a_parameter_at_fault_weights_and_gradient_are_shown():
    of = shown(trained(dead()))["0.weight"]
    assert set(of) == {"weight", "gradient"}
    assert of["gradient"].zeros == of["gradient"].entries


def test_a_healthy_training_has_none():
    torch.manual_seed(0)
    report = trained(nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, 5)))
    assert not [f for f in report.findings if f.severity != "info"]
    assert shown(report) == {}


class Saturated:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.W1, self.W2 = rng.normal(size=(20, 50)) * 30, rng.normal(size=(50, 3))

    def step(self, x, y):
        h = np.tanh(x @ self.W1)
        d = h @ self.W2 - y
        dW2, dW1 = h.T @ d / len(x), x.T @ ((d @ self.W2.T) * (1 - h * h)) / len(x)
        self.W1 -= 0.01 * dW1
        self.W2 -= 0.01 * dW2
        return float((d * d).mean())


def test_a_numpy_layer_is_shown_with_its_input_output_and_gradient():
    rng = np.random.default_rng(1)
    net, x, y = Saturated(), rng.normal(size=(16, 20)), rng.normal(size=(16, 3))
    with watch(net) as health:
        for _ in range(12):
            health.step(loss=net.step(x, y))
    report = health.report()
    of = next(found for name, found in shown(report).items() if "tanh" in name)
    assert of["input"].high > 10
    assert of["output"].high == pytest.approx(1)
    assert of["output"].counts[0] + of["output"].counts[-1] > 0.8 * of["output"].entries
    assert of["gradient"].log
    assert {"weight", "gradient"} <= set(shown(report)["W1"])
