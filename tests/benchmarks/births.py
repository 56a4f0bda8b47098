"""What it takes to name a birth: the step that fails, with everything that is done to find it, against a bare step."""

import itertools
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812  # as everybody calls it
from tables import Table, times
from torch import nn

from gradcheck.health.sample import Birth
from gradcheck.watching.pytorch.births import BirthWatch
from gradcheck.watching.pytorch.calls import CallMode

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def log_of_zero(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """In the loss: the logarithm of a probability that is 0."""
    p = F.softmax(y * 1e4, dim=1)
    return -torch.log(p[torch.arange(len(y)), target]).mean()


def double_where(y: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """In the backward: a root under ``where``."""
    return torch.where(y > 0, torch.sqrt(y * (y > 0)), 0.0).mean()


def mlp() -> tuple[nn.Module, torch.Tensor]:
    """784-512-512-10, batches of 128."""
    layers = [nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)]
    return nn.Sequential(*layers), torch.randn(128, 784)


def convolutions() -> tuple[nn.Module, torch.Tensor]:
    """Two convolutions with batch norm, batches of 32 images."""
    first = [nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU()]
    second = [nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU()]
    return nn.Sequential(*first, *second, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)), torch.randn(
        32, 3, 32, 32
    )


class Transformer(nn.Module):
    """Two blocks, and a linear layer on the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.TransformerEncoder(nn.TransformerEncoderLayer(64, 4, 128, batch_first=True), 2)
        self.head = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.head(self.blocks(x).mean(1))
        return y


def transformer() -> tuple[nn.Module, torch.Tensor]:
    """Batches of 16 sequences of 32."""
    return Transformer(), torch.randn(16, 32, 64)


class Training:
    """Steps of one network, each timed from the forward to the end of the update."""

    def __init__(self, make: Callable[[], tuple[nn.Module, torch.Tensor]]) -> None:
        torch.manual_seed(0)
        self.model, self.x = make()
        self.target = torch.randint(10, (len(self.x),))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=1e-3)

    def step(self, loss_of: Loss, update: bool = True) -> float:
        """Seconds of one step; without ``update`` the weights stay, so that a bad one can be made again."""
        started = time.process_time()
        self.optimizer.zero_grad()
        loss_of(self.model(self.x), self.target).backward()
        if update:
            self.optimizer.step()
        return time.process_time() - started

    def named(self, loss_of: Loss) -> tuple[float, Birth]:
        """Seconds of a step that fails, until its birth is named, and the birth."""
        found: list[Birth] = []
        calls = CallMode()
        watch = BirthWatch(self.model, calls, found.append, lambda _: None)
        calls.before_backward.append(watch.backward_begins)
        names = [name for name, _ in self.model.named_parameters()]
        hooks = [
            self.model.register_forward_pre_hook(
                lambda _m, args, kwargs: watch.forward_begins(args, kwargs, 0), with_kwargs=True
            ),
            self.model.register_forward_hook(lambda _m, _args, output: watch.forward_ends(output)),
        ]
        try:
            with calls:
                taken = self.step(loss_of, update=False)
                started = time.process_time()
                watch.gradients_bad(names, 0)
                taken += time.process_time() - started
        finally:
            for hook in hooks:
                hook.remove()
        (birth,) = found
        return taken, birth


def table(rounds: int) -> Table:
    """Each network with a birth in its loss and one in its backward."""
    made = Table("Naming a birth", ["network", "birth", "line", "bare step", "failing step"])
    births: tuple[Loss, ...] = (log_of_zero, double_where)
    for make, loss_of in itertools.product((mlp, convolutions, transformer), births):
        training = Training(make)
        bare, failing = [], []
        for _ in range(3):
            training.step(F.cross_entropy)
            training.named(loss_of)
        for _ in range(rounds):
            bare.append(training.step(F.cross_entropy))
            taken, birth = training.named(loss_of)
            failing.append(taken)
        unit = statistics.median(bare)
        where = birth.where.source if birth.where else "?"
        cells = [
            make.__name__,
            birth.operation,
            where,
            f"{unit * 1e3:.2f} ms",
            times(statistics.median(failing) / unit),
        ]
        made.rows.append(cells)
    made.remarks.append("the failing step holds itself, what was kept of it, and doing it again operation by operation")
    return made
