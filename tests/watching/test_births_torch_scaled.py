"""A gradient scaler skips steps that overflowed by its doing. What a smaller scale does not mend is a birth."""

import inspect

import pytest
import torch
from torch import nn
from torch.nn import functional

from gradcheck import watch

X = torch.randn(8, 6, generator=torch.Generator().manual_seed(0))
Y = torch.arange(8) % 3


def train(loss_of, scale, steps):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    with watch(model, optimizer) as health:
        for step in range(steps):
            optimizer.zero_grad()
            loss = loss_of(model(X), step)
            scaler.scale(loss).backward()
            scaler.step(optimizer)
            scaler.update()
    return [finding for finding in health.findings if finding.code == "GC300"]


def infinite(z, step):
    loss = functional.cross_entropy(z, Y)
    if step >= 3:
        loss = loss + torch.log(z.abs().min() * 0)  # born
    return loss


def without_slope(z, step):
    loss = functional.cross_entropy(z, Y)
    if step >= 3:
        loss = loss + torch.sqrt(z[0, 0] * 0)  # born
    return loss


@pytest.mark.parametrize(
    ("loss_of", "steps", "born"),
    [(infinite, 6, "torch.log makes"), (without_slope, 40, "backward of torch.sqrt makes")],
)
def test_a_loss_that_overflows_without_the_scale_is_a_birth(loss_of, steps, born):
    (finding,) = train(loss_of, 2.0**16, steps)
    assert finding.title.startswith(born)
    lines, first = inspect.getsourcelines(loss_of)
    assert finding.where.line == first + next(k for k, line in enumerate(lines) if "# born" in line)


def test_a_scale_that_is_too_large_is_none():
    assert not train(lambda z, _: functional.cross_entropy(z, Y) * 1e5, 2.0**120, 40)
