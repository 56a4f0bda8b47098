"""Functions that PyTorch transforms (vmap, grad, jvp): what runs inside of them is not looked at, and not disturbed."""

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad, jacrev, jvp, vmap
from torch.nn import functional

from gradcheck import watch

X = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
Y = torch.arange(12) % 3


class Clipped(nn.Module):
    """Has calls that watches listen to: activations as functions, bounds, a loss."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(5, 8), nn.Linear(8, 3)

    def forward(self, x):
        return self.last(functional.relu(self.first(x).clamp(-1, 1)))


def loss_of_one(model, parameters, x, y):
    return functional.cross_entropy(functional_call(model, parameters, (x[None],)), y[None])


def by_each_sample(model, parameters):
    found = vmap(grad(lambda p, x, y: loss_of_one(model, p, x, y)), (None, 0, 0))(parameters, X, Y)
    return {name: gradient.mean(0) for name, gradient in found.items()}


def by_one_grad(model, parameters):
    return grad(lambda p: functional.cross_entropy(functional_call(model, p, (X,)), Y))(parameters)


def with_a_jacobian(model, parameters):
    jacrev(lambda x: model(x))(X[0])
    jvp(lambda x: model(x), (X,), (X,))
    vmap(model, randomness="different")(X)
    return by_one_grad(model, parameters)


def train(model, gradients, steps=4):
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    losses = []
    with watch(model, optimizer, every=1) as health:
        for _ in range(steps):
            found = gradients(model, {name: p.detach() for name, p in model.named_parameters()})
            for name, p in model.named_parameters():
                p.grad = found[name]
            optimizer.step()
            losses.append(functional.cross_entropy(model(X), Y).item())
    return losses, health


@pytest.mark.filterwarnings("ignore:.torch.jit.script.*:DeprecationWarning")  # PyTorch's own jvp calls it
@pytest.mark.parametrize("gradients", [by_each_sample, by_one_grad, with_a_jacobian])
def test_a_training_by_transforms_runs_under_watch(gradients):
    torch.manual_seed(0)
    losses, health = train(Clipped(), gradients)
    report = health.report()
    assert losses == sorted(losses, reverse=True)
    assert report.watched.steps == 4
    assert report.ok
    assert all(p.gradient.values[-1] > 0 for p in report.watched.parameters)
    assert any("torch.func" in sentence for sentence in report.watched.unseen)


def test_a_nan_out_of_a_transform_is_told():
    def spoiled(model, parameters):
        return {name: gradient / (gradient.sum() * 0) for name, gradient in by_each_sample(model, parameters).items()}

    torch.manual_seed(0)
    _, health = train(Clipped(), spoiled, steps=2)
    assert health.findings[0].code == "GC300"
    assert health.findings[0].title.startswith("division (/) makes the first")
