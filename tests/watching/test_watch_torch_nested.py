"""Several watches of one model leave it as it was, in whatever order they end."""

import itertools

import pytest
import torch
from torch import nn

from gradcheck import watch


def model():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    return net, torch.optim.SGD(net.parameters(), lr=0.1)


def step(net, optimizer):
    optimizer.zero_grad()
    loss = net(torch.randn(3, 4)).pow(2).mean()
    loss.backward()
    optimizer.step()
    return float(loss.detach())


def traces(net):
    return [(name, key) for name, module in net.named_modules() for key in vars(module) if "compiled_call" in key]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("every", [None, 1])
def test_in_whatever_order_they_end(order, every):
    net, optimizer = model()
    watches = [watch(net, optimizer, every=every) for _ in range(3)]
    for health in watches:
        health.__enter__()
        step(net, optimizer)
    for k in order:
        watches[k].__exit__(None, None, None)
        step(net, optimizer)
    assert traces(net) == []
    assert [health.report().watched.steps for health in watches] == [3 - k + list(order).index(k) for k in range(3)]


def test_the_inner_one_ends_first_and_both_see_their_steps():
    net, optimizer = model()
    with watch(net, optimizer) as outer:
        step(net, optimizer)
        with watch(net, optimizer) as inner:
            step(net, optimizer)
        step(net, optimizer)
    assert traces(net) == []
    assert (outer.report().watched.steps, inner.report().watched.steps) == (3, 1)


def test_results_are_those_without_a_watch():
    losses = []
    for nested in (False, True):
        net, optimizer = model()
        torch.manual_seed(1)
        if nested:
            with watch(net, optimizer, every=1), watch(net, optimizer, every=1):
                losses.append([step(net, optimizer) for _ in range(5)])
        else:
            losses.append([step(net, optimizer) for _ in range(5)])
    assert losses[0] == losses[1]
