"""Births in updates that the user wrote: without an optimizer, or in one of his own. Each is told with its line."""

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcheck import watch

X = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(8) % 3
FAILING = 3


def mlp():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))


def by_hand(update, marked, every=None, steps=6):
    model = mlp()
    with watch(model, every=every) as health:
        for step in range(steps):
            model.zero_grad()
            loss = functional.cross_entropy(model(X), Y)
            loss.backward()
            with torch.no_grad():
                update(model, step == FAILING)
            if marked:
                health.step(loss=loss)
    return [finding for finding in health.findings if finding.code == "GC300"]


def line_of(function):
    lines, first = inspect.getsourcelines(function)
    return first + next(k for k, line in enumerate(lines) if "# born" in line)


def by_norm(model, on):
    for p in model.parameters():
        g = p.grad / (p.grad.norm() * (not on))  # born
        p -= 0.1 * g


def into_data(model, on):
    for p in model.parameters():
        v = (p.grad**2 * (not on)).sqrt()
        p.data = p.data - 0.01 * p.grad.data / v if on else p.data - 0.01 * p.grad.data  # born


def added(model, on):
    for p in model.parameters():
        step = p.grad.detach().clone()
        if on:
            step.div_(torch.zeros_like(step))  # born
        p.add_(step, alpha=-0.1)


def for_each(model, on):
    parameters = list(model.parameters())
    steps = torch._foreach_div([p.grad for p in parameters], 0.0 if on else 10.0)  # born
    torch._foreach_sub_(parameters, steps)


def masked(model, on):
    """One that is harmless comes before the one that is not."""
    for p in model.parameters():
        g = torch.where(p.grad == p.grad, p.grad, p.grad / 0)
        if on:
            g = g * torch.log(g * 0)  # born
        p -= 0.1 * g


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("every", [1, 100])
@pytest.mark.parametrize("update", [by_norm, into_data, added, for_each, masked])
def test_an_update_without_an_optimizer(update, every, marked):
    (finding,) = by_hand(update, marked, every)
    assert finding.step == FAILING
    assert "in the update" in finding.title
    assert finding.where.line == line_of(update)
    assert "not finite after it: 0.weight" in finding.consequences[-1]


def test_the_operands_are_as_they_were():
    (finding,) = by_hand(by_norm, True)
    assert finding.title.startswith("division (/)")
    assert any("p.grad.norm() * (not on) = 0" in text for text in finding.evidence)


def test_what_is_thrown_away_is_no_birth():
    def update(model, on):
        for p in model.parameters():
            p -= 0.1 * torch.where(p.grad != 0, p.grad, p.grad / 0).nan_to_num(0.0, 0.0, 0.0)

    assert not by_hand(update, True)


class Signed(torch.optim.Optimizer):
    def __init__(self, parameters):
        super().__init__(parameters, {"lr": 0.01})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                direction = p.grad / p.grad.abs()  # born
                p.add_(direction, alpha=-group["lr"])
        return loss


@pytest.mark.parametrize("closure", [True, False])
@pytest.mark.parametrize("every", [1, 100])
def test_an_optimizer_of_the_users_own(every, closure):
    model = mlp()
    optimizer = Signed(model.parameters())

    def backward():
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(X * torch.tensor([1.0, 1, 1, 1, 1, 0])), Y)
        loss.backward()
        return loss

    with watch(model, optimizer, every=every) as health:
        for _ in range(3):
            if closure:
                optimizer.step(backward)
            else:
                backward()
                optimizer.step()
    (finding,) = (finding for finding in health.findings if finding.code == "GC300")
    assert finding.step == 0
    assert finding.title.startswith("division (/)")
    assert finding.where.line == line_of(Signed.step)
