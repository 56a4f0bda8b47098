"""What an optimizer is asked for is no fault: to go uphill, or to search along many lines in one step."""

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
