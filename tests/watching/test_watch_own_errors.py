"""A mistake in the measuring is told of, and is no reason to end a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gradcheck import watch
from gradcheck.health.rules.saturation import Saturation
from gradcheck.watching.arrays.samples import Recorder
from gradcheck.watching.health import Health
from gradcheck.watching.pytorch import layers, record
from gradcheck.watching.pytorch.output import OutputWatch
from gradcheck.watching.pytorch.parameters import ParameterWatch

STEPS = 6
TORCH = [
    (layers, "slope_of"),
    (layers, "first_tensor"),
    (record, "stats_of"),
    (ParameterWatch, "note_weights"),
    (ParameterWatch, "note_gradients"),
    (ParameterWatch, "samples"),
    (OutputWatch, "heard"),
    (Saturation, "observe"),
]
ARRAYS = [(Recorder, "__init__"), (Recorder, "_look"), (Recorder, "sample"), (Saturation, "observe")]


def raising(error: BaseException) -> Callable[..., Any]:
    def measure(*_: object, **__: object) -> None:
        raise error

    return measure


def train(net: nn.Module, optimizer: torch.optim.Optimizer) -> list[float]:
    x, y = torch.randn(16, 8, generator=torch.Generator().manual_seed(1)), torch.arange(16) % 4
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def made() -> tuple[nn.Module, torch.optim.Optimizer]:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 4))
    return net, torch.optim.SGD(net.parameters(), lr=0.1)


class Network:
    """Two layers in NumPy."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.W1, self.W2 = rng.normal(size=(8, 16)), rng.normal(size=(16, 1))
        self.x, self.y = rng.normal(size=(32, 8)), rng.normal(size=(32, 1))

    def step(self) -> float:
        hidden = np.tanh(self.x @ self.W1)
        error = hidden @ self.W2 - self.y
        delta = (error @ self.W2.T) * (1 - hidden**2)
        self.W2 -= 0.01 * hidden.T @ error / 32
        self.W1 -= 0.01 * self.x.T @ delta / 32
        return float(np.mean(error**2))

    def train(self, health: Health | None) -> list[float]:
        losses = []
        for _ in range(STEPS):
            losses.append(self.step())
            if health is not None:
                health.step(losses[-1])
        return losses


@pytest.mark.parametrize(("place", "name"), TORCH, ids=lambda value: getattr(value, "__name__", value))
def test_a_torch_training_goes_on(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    expected = train(*made())
    monkeypatch.setattr(place, name, raising(ZeroDivisionError("by seven")))
    net, optimizer = made()
    with pytest.warns(RuntimeWarning, match="ZeroDivisionError: by seven") as told, watch(net, optimizer) as health:
        losses = train(net, optimizer)
    assert losses == expected
    assert len(told) == 1
    assert health.report().watched is not None
    assert any("by seven" in sentence for sentence in health.report().watched.unseen)
    assert health.report().watched.steps == STEPS
    assert health.monitor.sampled <= 1


@pytest.mark.parametrize(("place", "name"), ARRAYS, ids=lambda value: getattr(value, "__name__", value))
def test_a_numpy_training_goes_on(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    bare = Network()
    expected = bare.train(None)
    monkeypatch.setattr(place, name, raising(ZeroDivisionError("by seven")))
    net = Network()
    health = watch(net)
    with pytest.warns(RuntimeWarning, match="ZeroDivisionError: by seven") as told, health:
        losses = net.train(health)
    assert losses == expected
    assert len(told) == 1
    assert any("by seven" in sentence for sentence in health.report().watched.unseen)
    assert health.report().watched.steps == STEPS
    assert health.monitor.sampled <= 1
    assert type(net.W1) is np.ndarray


@pytest.mark.parametrize("place", [(record, "stats_of"), (ParameterWatch, "samples")], ids=["layer", "parameter"])
def test_an_interrupt_passes(monkeypatch: pytest.MonkeyPatch, place: tuple[Any, str]) -> None:
    monkeypatch.setattr(*place, raising(KeyboardInterrupt()))
    net, optimizer = made()
    with pytest.raises(KeyboardInterrupt), watch(net, optimizer):
        train(net, optimizer)


def test_the_users_own_callback_may_raise() -> None:
    net, optimizer = made()
    with pytest.raises(ZeroDivisionError), watch(net, optimizer, callback=raising(ZeroDivisionError("mine"))):
        train(net, optimizer)


class Enormous:
    def __init__(self, size):
        self.W = np.full((3, 2), size)

    def step(self, x):
        out = x @ self.W
        loss = out.sum() * (1 + 0.1 * np.sin(x.sum()))
        self.W -= 0.01 * x.T @ out / len(x)
        return float(loss)


@pytest.mark.parametrize("size", [1e160, 1e300, 1e-300])
def test_sizes_whose_squares_overflow_are_measured_like_any_other(size):
    net, rng = Enormous(size), np.random.default_rng(0)
    with np.errstate(all="ignore"), watch(net) as health:  # warnings are errors here
        for _ in range(30):
            health.step(loss=net.step(rng.normal(size=(8, 3))))
    assert not any("error of gradcheck's own" in told for told in health.report().watched.unseen)
    assert health.report().watched.sampled > 5
