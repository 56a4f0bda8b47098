"""The step of a birth in a model that is never called itself, only its parts: an nn.ModuleDict, two adversaries."""

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn

from gradcheck import watch

FAILING = 7


def born(health):
    [finding] = [f for f in health.report().findings if f.code == "GC300"]
    return finding


def encoder_and_head():
    torch.manual_seed(0)
    return nn.ModuleDict({"encoder": nn.Linear(4, 8), "head": nn.Linear(8, 3)})


def loss_of(parts, step):
    out = parts["head"](parts["encoder"](torch.randn(6, 4)))
    return -torch.log(out.softmax(1) * (step != FAILING)).mean()


def test_with_an_optimizer():
    parts = encoder_and_head()
    optimizer = torch.optim.Adam(parts.parameters(), lr=1e-3)
    with watch(parts, optimizer) as health:
        for step in range(FAILING + 2):
            optimizer.zero_grad()
            loss_of(parts, step).backward()
            optimizer.step()
    assert born(health).title == f"torch.log makes the first infinity, in the loss at step {FAILING}"
    assert born(health).step == FAILING


def test_where_the_program_moves_the_weights():
    parts = encoder_and_head()
    with watch(parts) as health:
        for step in range(FAILING + 2):
            parts.zero_grad()
            loss = loss_of(parts, step)
            loss.backward()
            with torch.no_grad():
                for p in parts.parameters():
                    p -= 0.01 * p.grad
            health.step(loss=loss)
    assert born(health).step == FAILING


def test_in_what_the_program_does_to_the_weights():
    parts = encoder_and_head()
    with watch(parts) as health:
        for step in range(FAILING + 2):
            parts.zero_grad()
            loss = loss_of(parts, 0)
            loss.backward()
            with torch.no_grad():
                for p in parts.parameters():
                    p -= p.grad / torch.tensor(100.0 * (step != FAILING))
            health.step(loss=loss)
    assert born(health).title == f"division (/) makes the first infinity, in the update at step {FAILING}"


def test_in_the_update():
    parts = encoder_and_head()
    optimizer = torch.optim.SGD(parts.parameters(), lr=0.01)
    with watch(parts, optimizer) as health:
        for step in range(FAILING + 2):
            optimizer.param_groups[0]["lr"] = float("inf") if step == FAILING else 0.01
            optimizer.zero_grad()
            loss_of(parts, 0).backward()
            optimizer.step()
    assert born(health).step == FAILING


def test_two_adversaries_with_an_optimizer_each():
    torch.manual_seed(0)
    maker, judge = nn.Linear(2, 3), nn.Linear(3, 1)
    optimizers = [torch.optim.Adam(judge.parameters(), lr=1e-3), torch.optim.Adam(maker.parameters(), lr=1e-3)]
    right, wrong = torch.ones(5, 1), torch.zeros(5, 1)
    with watch(nn.ModuleDict({"maker": maker, "judge": judge}), optimizers) as health:
        for step in range(FAILING + 2):
            made = maker(torch.randn(5, 2))
            optimizers[0].zero_grad()
            logits = judge(torch.cat([torch.randn(5, 3), made.detach()]))
            F.binary_cross_entropy_with_logits(logits, torch.cat([right, wrong])).backward()
            optimizers[0].step()
            optimizers[1].zero_grad()
            fooled = judge(made).sigmoid() * (step != FAILING)
            (-torch.log(fooled).mean()).backward()
            optimizers[1].step()
    assert born(health).title == f"torch.log makes the first infinity, in the loss at step {FAILING}"
