"""Trainings that the tests of the torch watcher share, and a way to run one under watch."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from gradcheck import watch
from gradcheck.health.sample import LayerSample, ParameterSample, Sample

Step = Callable[[], object]


class Net(nn.Module):
    """Linear, batch norm, ReLU, dropout, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(6, 8)
        self.norm = nn.BatchNorm1d(8)
        self.relu = nn.ReLU()
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.drop(self.relu(self.norm(self.first(x)))))


def data(samples: int = 32, features: int = 6, classes: int = 3) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(samples, features, generator=generator), torch.randint(classes, (samples,), generator=generator)


def stepper(model: nn.Module, optimizer: torch.optim.Optimizer, *batch: Tensor) -> Step:
    """One step of an ordinary training loop."""
    x, y = batch or data()

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def sampled(model: nn.Module, step: Step, steps: int = 1, optimizer: object = None, **options: object) -> list[Sample]:
    """The samples of so many steps."""
    samples: list[Sample] = []
    with watch(model, optimizer, callback=samples.append, **{"every": 1, **options}):
        for _ in range(steps):
            step()
    return samples


def layer(sample: Sample, name: str) -> LayerSample:
    return next(layer for layer in sample.layers if layer.name == name)


def parameter(sample: Sample, name: str) -> ParameterSample:
    return next(parameter for parameter in sample.parameters if parameter.name == name)
