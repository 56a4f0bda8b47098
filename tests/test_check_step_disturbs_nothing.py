"""Whatever a step does, everything is as it was when the check ends."""

import copy
import random
import sys

import numpy as np
import pytest
import torch
from torch.nn.functional import mse_loss

from gradcheck import GradcheckError, check_learning_rate, check_step


class Net:
    def __init__(self):
        self.W = np.random.default_rng(0).normal(size=(3, 2))
        self.x = np.random.default_rng(1).normal(size=(5, 3))
        self.rng = np.random.default_rng(2)
        self.velocity = {}
        self.history = []
        self.learning_rate = 0.1
        self.steps = 0

    def loss(self):
        return np.sum((self.x @ self.W) ** 2) / 10

    def gradient(self):
        return self.x.T @ (self.x @ self.W) / 5

    def step(self, sign=-1):
        self.velocity["W"] = self.gradient()
        self.W = self.W + sign * self.learning_rate * self.velocity["W"]
        self.history.append(self.loss())
        self.learning_rate *= 0.9
        self.steps += 1
        self.rng.normal()
        np.random.random()
        random.random()
        torch.rand(1)


def state_of(net):
    return {
        "W": net.W.copy(),
        "same": id(net.W),
        "rng": net.rng.bit_generator.state,
        "rest": (dict(net.velocity), list(net.history), net.learning_rate, net.steps, sorted(vars(net))),
        "numpy": np.random.get_state()[1].tolist(),
        "python": random.getstate(),
        "torch": torch.get_rng_state().tolist(),
    }


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_numpy_object(sign):
    net = Net()
    before = state_of(net)
    check_step(lambda: net.step(sign), params=net, loss=net.loss, lr=0.1)
    check_step(lambda: net.step(sign), params=net, gradients=lambda: {"W": net.gradient()}, lr=0.1)
    check_learning_rate(net.loss, net, lr=0.1, gradient=lambda: {"W": net.gradient()})
    after = state_of(net)
    assert np.array_equal(before.pop("W"), after.pop("W"))
    assert before == after


def test_the_trace_function_of_others_is_put_back():
    net = Net()
    seen = []

    def trace(frame, event, argument):
        seen.append(event)

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        check_step(lambda: net.step(1), params=net, loss=net.loss, lr=0.1)
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def test_after_an_error_in_the_step():
    net = Net()
    before = state_of(net)

    def step():
        net.step()
        raise RuntimeError("a fault")

    with pytest.raises(GradcheckError, match=r"step\(\) raised RuntimeError: a fault"):
        check_step(step, params=net, loss=net.loss, lr=0.1)
    after = state_of(net)
    assert np.array_equal(before.pop("W"), after.pop("W"))
    assert before == after


def test_after_an_interruption():
    net = Net()
    before = state_of(net)

    def step():
        net.step()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_step(step, params=net, loss=net.loss, lr=0.1)
    assert np.array_equal(before["W"], net.W)
    assert id(net.W) == before["same"]


def plain(value):
    """Nested containers with tensors as lists, to be compared."""
    if isinstance(value, torch.Tensor):
        return value.detach().tolist()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


@pytest.mark.parametrize("earlier", [0, 2])
@pytest.mark.parametrize("make", [torch.optim.SGD, torch.optim.Adam])
def test_torch(make, earlier):
    torch.manual_seed(0)
    model = torch.nn.Sequential(
        torch.nn.Linear(4, 6), torch.nn.BatchNorm1d(6), torch.nn.Dropout(0.2), torch.nn.Linear(6, 2)
    )
    x, y = torch.randn(8, 4), torch.randn(8, 2)
    optimizer = make(model.parameters(), lr=0.1, **({"momentum": 0.9} if make is torch.optim.SGD else {}))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    def loss():
        return mse_loss(model(x), y)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
        schedule.step()

    for _ in range(earlier):
        step()
    everything = [model.state_dict, optimizer.state_dict, schedule.state_dict]
    before = [copy.deepcopy(plain(one())) for one in everything]
    grads = [None if p.grad is None else p.grad.clone() for p in model.parameters()]
    objects = [id(p) for p in model.parameters()]
    random_state = torch.get_rng_state()
    check_step(step, params=model, loss=loss)
    check_step(step, params=model, loss=loss, lr=0.3)
    check_learning_rate(loss, model, lr=0.1)
    assert [plain(one()) for one in everything] == before
    assert objects == [id(p) for p in model.parameters()]
    assert torch.equal(random_state, torch.get_rng_state())
    for p, grad in zip(model.parameters(), grads, strict=True):
        assert (p.grad is None) == (grad is None)
        assert grad is None or torch.equal(p.grad, grad)
    assert all(p.requires_grad for p in model.parameters())


def test_a_tensor_that_does_not_ask_for_a_gradient_does_not_afterwards():
    w, x = torch.ones(3), torch.randn(4, 3)
    report = check_learning_rate(lambda w: (x @ w).square().sum(), w, lr=0.01)
    assert report.step_size.quadratic
    assert not w.requires_grad
    assert w.grad is None
