"""Gradients that nobody set to zero are seen, and accumulation that is meant is not; calls of one layer are counted."""

import pytest
import torch
from torch import nn

from gradcheck import watch


def training(loop, steps=8, **options):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    samples = []
    with watch(net, optimizer, every=1, callback=samples.append, **options) as health:
        for _ in range(steps):
            loop(net, optimizer, lambda: net(torch.randn(5, 4)).pow(2).mean())
    return samples, health.report()


def forgotten(net, optimizer, loss):
    loss().backward()
    optimizer.step()


def zeroed(net, optimizer, loss):
    optimizer.zero_grad()
    forgotten(net, optimizer, loss)


def zeroed_in_place(net, optimizer, loss):
    optimizer.zero_grad(set_to_none=False)
    forgotten(net, optimizer, loss)


def zeroed_after(net, optimizer, loss):
    forgotten(net, optimizer, loss)
    net.zero_grad()


def accumulated(net, optimizer, loss):
    optimizer.zero_grad()
    for _ in range(3):
        loss().backward()
    optimizer.step()


def two_losses(net, optimizer, loss):
    optimizer.zero_grad()
    first = loss()
    first.backward()
    second = loss()
    second.backward()
    optimizer.step()


def in_a_closure(net, optimizer, loss):
    def closure():
        optimizer.zero_grad()
        made = loss()
        made.backward()
        return made

    optimizer.step(closure)


def test_gradients_that_are_never_set_to_zero():
    samples, report = training(forgotten)
    assert not any(p.carried for p in samples[0].parameters)
    assert all(p.carried for sample in samples[1:] for p in sample.parameters)
    [found] = [f for f in report.findings if f.code == "GC336"]
    assert (found.severity, found.step) == ("error", 1)
    assert "gradients are added up from step to step" in found.title
    assert "they are never set to zero" in found.title
    assert "optimizer.zero_grad()" in found.help[0]


@pytest.mark.parametrize("loop", [zeroed, zeroed_in_place, zeroed_after, accumulated, two_losses, in_a_closure])
def test_what_is_meant_is_no_fault(loop):
    samples, report = training(loop)
    assert not any(p.carried for sample in samples for p in sample.parameters)
    assert "GC336" not in {f.code for f in report.findings}


def test_two_optimizers_whose_losses_reach_into_one_another():
    torch.manual_seed(0)
    net = nn.ModuleDict({"made": nn.Linear(3, 4), "judged": nn.Linear(4, 1)})
    makes = torch.optim.SGD(net["made"].parameters(), lr=1e-3)
    judges = torch.optim.SGD(net["judged"].parameters(), lr=1e-3)
    samples = []
    with watch(net, [makes, judges], every=1, callback=samples.append):
        for _ in range(6):
            judges.zero_grad()
            (net["judged"](net["made"](torch.randn(5, 3))).mean()).backward()
            judges.step()
            makes.zero_grad()
            (-net["judged"](net["made"](torch.randn(5, 3))).mean()).backward()
            makes.step()
    assert samples
    assert not any(p.carried for sample in samples for p in sample.parameters if p.layer == "made")


def test_two_watches_whose_losses_reach_into_one_another():
    torch.manual_seed(0)
    made, judged = nn.Linear(3, 4), nn.Linear(4, 1)
    makes, judges = (torch.optim.SGD(part.parameters(), lr=1e-3) for part in (made, judged))
    with watch(made, makes, every=1) as one, watch(judged, judges, every=1) as other:
        for _ in range(8):
            output = made(torch.randn(5, 3))
            judges.zero_grad()
            judged(output.detach()).mean().backward()
            judges.step()
            makes.zero_grad()
            (-judged(output).mean()).backward()
            makes.step()
    assert "GC336" not in {finding.code for finding in (*one.findings, *other.findings)}


def test_calls_of_one_layer_and_how_its_output_grows():
    class Repeated(nn.Module):
        def __init__(self):
            super().__init__()
            self.step = nn.Linear(3, 3, bias=False)
            nn.init.eye_(self.step.weight)
            self.step.weight.data *= 2

        def forward(self, x):
            for _ in range(4):
                x = self.step(x)
            return x

    net = Repeated()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-9)
    samples = []
    with watch(net, optimizer, every=1, callback=samples.append):
        net(torch.ones(2, 3)).sum().backward()
        optimizer.step()
    [layer] = [layer for layer in samples[0].layers if layer.name == "step"]
    assert layer.calls == 4
    assert layer.growth == pytest.approx(8.0)
