"""What an optimizer is asked for is no fault: to go uphill, or to search along many lines in one step."""

import pytest
import torch
from torch import nn

from gradcheck import watch


def trained(optimizer_of, steps, sign=1.0):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3))
    x, y = torch.randn(60, 8), torch.randint(3, (60,))
    optimizer = optimizer_of(model.parameters())

    def closure():
        optimizer.zero_grad()
        loss = sign * nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    with watch(model, optimizer) as health:
        for _ in range(steps):
            optimizer.step(closure)
    return {f.code for f in health.findings if f.severity != "info"}


def test_a_search_along_many_lines_may_go_far():
    found = trained(lambda p: torch.optim.LBFGS(p, lr=1, max_iter=20, line_search_fn="strong_wolfe"), 12)
    assert "GC330" not in found


def test_an_optimizer_that_is_to_maximize():
    assert trained(lambda p: torch.optim.SGD(p, lr=0.1, maximize=True), 150, sign=-1.0) == set()


@pytest.mark.parametrize("of", ["hidden", "out"])
def test_each_optimizer_s_gradients_are_looked_at_where_several_step_after_one_backward(of):
    torch.manual_seed(0)
    model = nn.Sequential()
    model.add_module("hidden", nn.Linear(4, 4))
    model.add_module("out", nn.Linear(4, 4))
    optimizers = [torch.optim.SGD(layer.parameters(), lr=0.01) for layer in model]
    with watch(model, optimizers, every=100) as health:
        for step in range(8):
            model.zero_grad()
            bias = model.get_submodule(of).bias
            loss = model(torch.randn(8, 4)).square().mean()
            if step == 6:
                loss = loss + torch.sqrt((bias - bias.detach()).sum() * 0)  # its gradient is infinite, times 0
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
    (finding,) = [finding for finding in health.findings if finding.code == "GC300"]
    assert finding.step == 6
    assert "backward of torch.sqrt" in finding.title


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_optimizers_that_were_not_given_make_their_steps_together(layers):
    torch.manual_seed(0)
    model = nn.Sequential(*(nn.Linear(3, 3) for _ in range(layers)))
    optimizers = [torch.optim.SGD(layer.parameters(), 0.01) for layer in model]
    x, y = torch.randn(8, 3), torch.randn(8, 3)
    with watch(model, every=1) as health:
        for _ in range(7):
            model.zero_grad()
            nn.functional.mse_loss(model(x), y).backward()
            for optimizer in optimizers:
                optimizer.step()
    report = health.report(raises=False)
    assert "7 steps watched" in str(report)
