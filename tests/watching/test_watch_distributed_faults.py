"""Faults in one process of several and in all of them: each finding says on which ranks."""

import pytest
import torch
from ranks import batches, net, on_ranks, train, wrapped
from torch import distributed, nn

import gradcheck
from gradcheck import UnhealthyTraining, watch
from gradcheck.report import Report

pytestmark = pytest.mark.slow

COUNT = 4
KINDS = ("DDP", "FSDP2")
BORN = 5  # the step


class Rooted(nn.Module):
    """A root in the forward, of a number below zero on the last rank at one step."""

    def __init__(self, talks: bool = False) -> None:
        super().__init__()
        self.body, self.talks, self.low = net(), talks, False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.talks:
            total = x.detach().sum()
            distributed.all_reduce(total)
        out = self.body(x)
        return out + (out.abs() - (100.0 if self.low else 0.0)).sqrt() * 1e-3


def forward_birth(rank: int, count: int, talks: bool) -> Report:
    inner = Rooted(talks)
    model = wrapped(inner, "DDP", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with watch(model, optimizer) as health:
        for step, x, y in batches(rank, count, 0, 10):
            inner.low = step == BORN and rank == count - 1
            train(model, optimizer, iter([(step, x, y)]))
    return health.report()


class Root(nn.Module):
    """A layer that gives NaN when it is told to."""

    low = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x.abs() - (100.0 if self.low else 0.0)).sqrt()


def sharded_birth(rank: int, count: int) -> Report:
    inner = net()
    inner.insert(3, Root())
    model = wrapped(inner, "FSDP2", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    with watch(model, optimizer) as health:
        for step, x, y in batches(rank, count, 0, 10):
            inner[3].low = step == BORN and rank == count - 1
            train(model, optimizer, iter([(step, x, y)]))
    return health.report()


def loss_birth(rank: int, count: int, kind: str) -> Report:
    model = wrapped(net(), kind, count)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def change(step: int, out: torch.Tensor) -> torch.Tensor:
        return torch.log(out - out) if step == BORN and rank == count - 1 else out

    with watch(model, optimizer) as health:
        train(model, optimizer, batches(rank, count, 0, 10), change)
    return health.report()


def stopped(rank: int, count: int, kind: str) -> tuple[int, str]:
    """The step at which the training was stopped by ``on="raise"``, because of a NaN on one rank."""
    model = wrapped(net(), kind, count)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    made = 0

    def change(step: int, out: torch.Tensor) -> torch.Tensor:
        nonlocal made
        made = step
        return torch.log(out - out) if step == BORN and rank == 1 else out

    try:
        with watch(model, optimizer, on="raise"):
            train(model, optimizer, batches(rank, count, 0, 60), change)
    except UnhealthyTraining as error:
        return made, error.report.findings[0].code
    return made, ""


def saturated(rank: int, count: int, ranks: tuple[int, ...]) -> Report:
    """Inputs that are far too large on these ranks."""
    model = wrapped(net(), "DDP", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    scale = 1e4 if rank in ranks else 1.0
    with watch(model, optimizer, every=1) as health:
        train(model, optimizer, ((step, x * scale, y) for step, x, y in batches(rank, count, 0, 8)))
    return health.report()


def apart(rank: int, count: int) -> Report:
    """A learning rate of its own on one rank."""
    model = wrapped(net(), "DDP", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2 if rank == 2 else 0.1)
    with watch(model, optimizer) as health:
        train(model, optimizer, batches(rank, count, 0, 8))
    return health.report()


def warned(rank: int, count: int) -> Report:
    """A learning rate at which nothing is learned: warnings and no error."""
    model = wrapped(net(), "DDP", count)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-9)
    with watch(model, optimizer, every=1) as health:
        train(model, optimizer, batches(rank, count, 0, 8))
    return health.report()


def everything(rank: int, count: int) -> dict[str, object]:
    return {
        "warned": warned(rank, count),
        "forward": forward_birth(rank, count, talks=False),
        "sharded": sharded_birth(rank, count),
        "talks": forward_birth(rank, count, talks=True),
        **{f"loss {kind}": loss_birth(rank, count, kind) for kind in KINDS},
        **{f"stopped {kind}": stopped(rank, count, kind) for kind in KINDS},
        "one saturated": saturated(rank, count, (3,)),
        "all saturated": saturated(rank, count, (0, 1, 2, 3)),
        "apart": apart(rank, count),
    }


@pytest.fixture(scope="module")
def found():
    return on_ranks(everything, COUNT)


def test_a_nan_born_in_one_forward_is_told_with_rank_line_and_operation(found):
    [finding] = found[0]["forward"].findings
    assert finding.code == "GC300"
    assert finding.title == f"Tensor.sqrt makes the first NaN, in the forward pass at step {BORN}, on rank 3 only"
    assert "self.low" in finding.where.source
    assert "the average of the gradients brings it to all ranks" in finding.consequences


def test_a_forward_that_talks_to_others_is_not_done_again_alone(found):
    [finding] = found[0]["talks"].findings
    assert finding.code == "GC300"
    assert finding.title.endswith("on rank 3 only")
    assert "it talks to the other processes (allreduce)" in " ".join(finding.evidence)


def test_a_nan_born_in_one_forward_of_shared_weights_is_told_with_rank_and_layer(found):
    [finding] = found[0]["sharded"].findings
    assert finding.code == "GC300"
    assert finding.title == (
        "an operation that was not found makes the first NaN, in the forward pass of layer 3 at step 5, on rank 3 only"
    )
    assert "the weights are spread over several processes" in " ".join(finding.evidence)


@pytest.mark.parametrize("kind", KINDS)
def test_a_nan_born_in_one_loss_is_told_with_rank_line_and_operation(found, kind):
    [finding] = found[0][f"loss {kind}"].findings
    assert finding.code == "GC300"
    assert finding.title == f"torch.log makes the first infinity, in the loss at step {BORN}, on rank 3 only"
    assert "torch.log(out - out)" in finding.where.source


def test_the_other_ranks_have_the_verdict_of_rank_0(found):
    for rank in (1, 2, 3):
        report = found[rank]["forward"]
        assert not report.ok
        assert report.findings == found[0]["forward"].findings
        assert not report.watched.layers


@pytest.mark.parametrize("kind", KINDS)
def test_all_ranks_are_stopped_at_the_same_step(found, kind):
    assert {code for _, code in (result[f"stopped {kind}"] for result in found)} == {"GC300"}
    [step] = {step for step, _ in (result[f"stopped {kind}"] for result in found)}
    assert step == BORN if kind == "DDP" else BORN < step <= BORN + 17


def test_a_fault_of_one_rank_is_told_with_its_rank_and_the_figures_of_all(found):
    report = found[0]["one saturated"]
    findings = {finding.code: finding for finding in report.findings}
    assert findings["GC321"].title.endswith(", on rank 3 only")
    assert any(" on rank 0, " in line and " on rank 3" in line for line in findings["GC321"].evidence)
    assert not report.ok


def test_the_other_ranks_tell_of_warnings_too(found):
    first = found[0]["warned"]
    warnings = sum(finding.severity == "warning" for finding in first.findings)
    assert first.ok
    assert warnings > 0
    for rank in (1, 2, 3):
        title, *_ = str(found[rank]["warned"]).splitlines()
        assert title.startswith("! Sequential: ")
        whole = str(found[rank]["warned"])
        assert "no symptom" not in whole
        assert f"rank 0 holds the report ({warnings} warning{'s' if warnings > 1 else ''})" in " ".join(whole.split())
        assert found[rank]["warned"].findings == first.findings[:1]


def test_a_fault_of_all_ranks_says_so(found):
    findings = {finding.code: finding for finding in found[0]["all saturated"].findings}
    assert findings["GC321"].title.endswith(", on all 4 ranks")


def test_ranks_that_train_different_weights_are_told(found):
    [finding] = [f for f in found[0]["apart"].findings if f.code == "GC350"]
    assert finding.severity == "error"
    assert "the ranks train different weights: 0.weight is not the same on all of them" in finding.title
    assert finding.title.endswith("on rank 2 only")
    assert any(" on rank 2, " in line for line in finding.evidence)
    assert gradcheck.load_report(found[0]["apart"].to_json()) == found[0]["apart"]
