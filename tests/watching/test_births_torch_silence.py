"""What is no birth, and what a watch leaves as it was."""

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from torch import nn
from torch_birth_training import Births, Net, train

INFINITE = float("inf")


def masked_softmax(h, on):
    mask = torch.zeros_like(h, dtype=torch.bool)
    mask[:, 2:] = True
    return h.masked_fill(mask, -INFINITE).softmax(1)


def infinities_by_where(h, on):
    return torch.where(h > h.mean(), h, -INFINITE).softmax(1)


def infinities_in_a_full(h, on):
    bias = torch.full_like(h, -INFINITE).triu(3)
    bias = torch.triu(torch.full((5, 6), -INFINITE), 3)
    return (h + bias).softmax(1)


def padding_before_a_maximum(h, on):
    padded = F.pad(h, (1, 1), value=-INFINITE)
    return h + padded.unfold(1, 3, 1).amax(2)


def logsumexp_of_infinities(h, on):
    mask = torch.zeros_like(h, dtype=torch.bool)
    mask[:, 3:] = True
    return h + h.masked_fill(mask, -INFINITE).logsumexp(1, keepdim=True)


def safe_where(h, on):
    positive = h > 0
    return torch.where(positive, torch.sqrt(torch.where(positive, h, 1.0)), 0.0)


def infinity_in_an_unused_branch(h, on):
    unused = 1 / (h - h)
    h.unused = unused.sum()
    return h


def replaced_nans(h, on):
    return h + torch.nan_to_num((h.detach() - h.detach()) / 0.0, nan=0.0)


def logarithm_bounded(h, on):
    return h + torch.log(torch.zeros_like(h)).clamp(min=-100)


def one_over_infinity(h, on):
    return h + 1 / torch.exp(torch.full_like(h, 1000.0))


def initial_minimum(h, on):
    best = torch.tensor(INFINITE)
    for row in h.detach():
        best = torch.minimum(best, row.sum())
    return h * best.tanh()


def uninitialised_memory(h, on):
    out = torch.empty_like(h)
    out.copy_(h)
    kept = torch.empty(3, 2).fill_(1.0)
    return out + kept.sum()


def causal_attention(h, on):
    x = h[:, None, None, :]
    return h + F.scaled_dot_product_attention(x, x, x, is_causal=True)[:, 0, 0]


@pytest.mark.parametrize(
    "middle",
    [
        masked_softmax,
        infinities_by_where,
        infinities_in_a_full,
        padding_before_a_maximum,
        logsumexp_of_infinities,
        safe_where,
        infinity_in_an_unused_branch,
        replaced_nans,
        logarithm_bounded,
        one_over_infinity,
        initial_minimum,
        uninitialised_memory,
        causal_attention,
    ],
)
def test_no_birth(middle):
    births = train(Net(middle), lambda output, target, on: F.cross_entropy(output, target))
    assert births.found == []
    assert births.unseen == []


@pytest.mark.parametrize(
    "middle", [masked_softmax, infinities_by_where, infinities_in_a_full, logsumexp_of_infinities, logarithm_bounded]
)
def test_infinities_on_purpose_are_not_named_when_another_birth_is(middle):
    """The replay sees them, and passes on to the operation that the loss depends on."""

    def both(h, on):
        z = middle(h, on)
        return z / (0 if on else 1)

    birth = train(Net(both), lambda output, target, on: F.cross_entropy(output, target)).birth
    assert birth.operation == "division (/)"


def test_a_gradient_scaler_that_skips_a_step():
    torch.manual_seed(0)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=3e38, growth_interval=1000)
    with Births(model, optimizer) as births:
        for _ in range(6):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(torch.randn(5, 4)), torch.randint(3, (5,)))
            scaler.scale(loss * 10).backward()
            scaler.step(optimizer)
            scaler.update()
    assert births.found == []
    assert births.step > 0


def test_a_metric_that_is_not_finite():
    def loss_of(output, target, on):
        with torch.no_grad():
            torch.log(output * 0).sum()
        return F.cross_entropy(output, target)

    assert train(Net(), loss_of).found == []


class Varied(nn.Module):
    """Batch norm, spectral norm, dropout, a state kept from call to call, three sources of random numbers."""

    def __init__(self):
        super().__init__()
        self.fc1 = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 6))
        self.norm = nn.BatchNorm1d(6)
        self.drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(6, 3)
        self.register_buffer("average", torch.zeros(6))
        self.hidden = torch.zeros(6)
        self.calls = 0
        self.kept = []

    def forward(self, x):
        self.calls += 1
        self.kept.append(self.calls)
        h = self.drop(self.norm(self.fc1(x))) + random.random() + float(np.random.rand())
        self.hidden = (self.hidden + h.mean(0)).detach()
        self.average.mul_(0.9).add_(h.detach().mean(0), alpha=0.1)
        h = h + self.hidden + self.average + torch.rand_like(h)
        return self.fc2(h)


def state(model):
    tensors = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    tensors |= {f"{name}.grad": p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    versions = [(b._version, id(b)) for b in model.buffers()] + [p._version for p in model.parameters()]
    drawn = (torch.get_rng_state(), torch.from_numpy(np.random.get_state()[1].astype(np.int64)))
    return tensors | {"hidden": model.hidden.clone(), "drawn": drawn[0], "numpy": drawn[1]}, [
        len(versions),
        [v[0] if isinstance(v, tuple) else v for v in versions],
        model.calls,
        list(model.kept),
        random.getstate(),
        np.random.get_state()[2],
    ]


def steps(model, failing, hooks):
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    for step in range(6):
        optimizer.zero_grad()
        y = model(torch.randn(5, 4))
        loss = (
            (y * (0 if step in failing else 1)).square().sum().sqrt()
            if step % 2
            else (y / (0 if step in failing else 1)).mean()
        )
        if torch.isfinite(loss):
            loss.backward()
            if step not in failing:
                optimizer.step()
    hooks.append(state(model))


@pytest.mark.parametrize("failing", [(), (2,), (3,), (2, 3, 4)])
def test_a_watch_changes_nothing(failing):
    torch.manual_seed(0)
    twin = Varied()
    torch.manual_seed(0)
    model = Varied()
    ends = []
    steps(twin, failing, ends)
    with Births(model) as births:
        steps(model, failing, ends)
    (tensors, others), (watched, watched_others) = ends
    assert tensors.keys() == watched.keys()
    for name, tensor in tensors.items():
        assert torch.equal(torch.nan_to_num(tensor, nan=7.0), torch.nan_to_num(watched[name], nan=7.0)), name
    assert others == watched_others
    assert bool(births.found) == (2 in failing)


def test_hooks_of_the_users_leave_no_second_trace():
    model = Net()
    seen, drawn = [], []
    model.fc1.register_forward_hook(lambda module, args, output: seen.append(output.shape))
    model.fc2.weight.register_hook(lambda g: drawn.append(float(g.sum())))
    train(model, lambda output, target, on: torch.log(output.sum() * (0 if on else 0.1) + (0 if on else 5)))
    assert len(seen) == 4


def test_leaving_puts_autograds_function_back():
    before = vars(torch.autograd.Function)["apply"]
    with Births(Net()):
        assert vars(torch.autograd.Function)["apply"] is not before
    assert vars(torch.autograd.Function)["apply"] is before
