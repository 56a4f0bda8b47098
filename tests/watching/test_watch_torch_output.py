"""What is counted of predictions and labels: by loss functions that are called, and as the user gives them."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch_watched import data, sampled

from gradcheck import GradcheckError, watch

X, Y = data()


def critic():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 4), nn.ReLU(), nn.Linear(4, 1))


def binary(*pairs):
    model = critic()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step():
        optimizer.zero_grad()
        sum(functional.binary_cross_entropy_with_logits(model(x), y) for x, y in pairs).backward()
        optimizer.step()

    (sample,) = sampled(model, step, optimizer=optimizer)
    return sample.output


def test_batches_of_one_class_each_are_not_counted():
    ones, zeros = torch.ones(16, 1), torch.zeros(16, 1)
    assert binary((X[:16], ones), (X[16:], zeros)).labels is None
    mixed = binary((X[:16], ones), (X, torch.cat([ones, zeros])))
    assert mixed.labels.tolist() == [16, 16]
    assert mixed.predicted.sum() == 32


def test_samples_one_by_one_are_counted_together():
    output = binary(*((X[k : k + 1], torch.tensor([[float(k % 2)]])) for k in range(8)))
    assert output.labels.tolist() == [4, 4]


@pytest.mark.parametrize("seed", [2, 4])
def test_a_healthy_pair_of_adversaries_does_not_collapse(seed):
    torch.manual_seed(seed)
    maker, judge = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 6)), critic()
    optimizers = [torch.optim.Adam(part.parameters(), 2e-4) for part in (maker, judge)]
    one, loss_of = torch.ones(32, 1), nn.BCEWithLogitsLoss()
    with watch(nn.ModuleList([maker, judge]), optimizers) as health:
        for _ in range(150):
            made = maker(torch.randn(32, 2))
            optimizers[1].zero_grad()
            (loss_of(judge(X), one) + loss_of(judge(made.detach()), 0 * one)).backward()
            optimizers[1].step()
            optimizers[0].zero_grad()
            loss_of(judge(made), one).backward()
            optimizers[0].step()
    assert not {"GC344", "GC341"} & {finding.code for finding in health.findings}


@pytest.mark.parametrize(
    ("outputs", "labels", "says"),
    [
        ([[1.0, 2.0]] * 4, ["a", "b", "c", "d"], "labels: it must be an array"),
        ([[1.0, 2.0]] * 4, [0, 1], r"labels: their shape is \(2,\)"),
        ([[1.0, 2.0]] * 4, [0, 1, 2, 0], "labels: they go from 0 to 2, and the outputs have 2 classes"),
        ([1.0, 2.0], [0, 1], "outputs: give scores"),
    ],
)
def test_what_cannot_be_counted_is_refused(outputs, labels, says):
    model = critic()
    with watch(model) as health:
        model(X).mean().backward()
        with pytest.raises(GradcheckError, match=says):
            health.step(outputs=outputs, labels=labels)


@pytest.mark.parametrize("softmax", [True, False])
def test_probabilities_given_for_logits_are_known(softmax):
    model = nn.Sequential(nn.Linear(6, 3), *([nn.Softmax(-1)] if softmax else [nn.ReLU()]))
    (sample,) = sampled(model, lambda: functional.cross_entropy(model(X), Y).backward())
    assert sample.output.probabilities == softmax
    (sample,) = sampled(model, lambda: functional.nll_loss(model(X).log_softmax(-1), Y).backward())
    assert not sample.output.probabilities


@pytest.mark.filterwarnings("ignore:Using a target size:UserWarning")
@pytest.mark.parametrize("loss_of", [functional.mse_loss, functional.l1_loss, functional.huber_loss])
def test_shapes_that_do_not_agree_are_known(loss_of):
    model = critic()
    (sample,) = sampled(model, lambda: loss_of(model(X), Y.float()).backward())
    assert sample.output.broadcast == "(32, 1) and (32,)"
    (sample,) = sampled(model, lambda: loss_of(model(X)[:, 0], Y.float()).backward())
    assert sample.output.broadcast == ""


def test_losses_of_adversaries_are_known():
    torch.manual_seed(0)
    maker, judge = nn.Linear(2, 6), critic()
    optimizers = [torch.optim.Adam(part.parameters(), 2e-4) for part in (maker, judge)]

    def in_turn():
        for optimizer, sign in zip(optimizers, (-1, 1), strict=True):
            optimizer.zero_grad()
            (sign * judge(maker(torch.randn(4, 2))).mean()).backward()
            optimizer.step()

    def together():
        judge(maker(torch.randn(4, 2))).mean().backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()

    for step, meant in ((in_turn, True), (together, False)):  # each with a watch of its own
        for part, optimizer in zip((maker, judge), optimizers, strict=True):
            assert [s.adversaries for s in sampled(part, step, 2, optimizer)][-1] == meant
    net = nn.ModuleList([maker, judge])
    assert [s.adversaries for s in sampled(net, in_turn, 2, optimizers)] == [True, True]
    assert [s.adversaries for s in sampled(net, together, 2, optimizers)] == [False, False]
