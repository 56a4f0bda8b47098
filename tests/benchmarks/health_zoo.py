"""Healthy trainings that must raise no alarm, and broken ones with the finding that each must raise first."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from health_numpy import Net, NumpyTraining
from health_torch import Autoencoder, Block, Convolutional, Recurrent, Residual, Tokens, Training, mlp
from torch import Tensor, nn

__all__ = ["BROKEN", "HEALTHY", "UNSEEN", "Case"]

Made = Training | NumpyTraining


@dataclass(frozen=True)
class Case:
    """A training by name. Thresholds may be looked at with the tuning ones in hand; the others are held out."""

    name: str
    make: Callable[[int], Made]
    first: tuple[str, ...] = ()  # any of these codes, as the first finding
    tuning: bool = False


def _with(
    model: Callable[[], nn.Module], optimizer: Callable[..., torch.optim.Optimizer], lr: float, **options: object
):
    """A maker of trainings from their parts; options of the optimizer have names of their own."""
    own = {key: options.pop(key) for key in ("momentum", "weight_decay") if key in options}

    def make(seed: int) -> Training:
        torch.manual_seed(seed)
        net = model()
        dtype = options.get("dtype", torch.float32)
        assert isinstance(dtype, torch.dtype)
        trained = [p for p in net.to(dtype).parameters() if p.requires_grad]
        return Training(net, optimizer(trained, lr=lr, **own), seed=seed, **options)

    return make


def _numpy(
    *sizes: int, activation: str = "relu", lr: float = 0.1, momentum: float = 0.0, spread: float = 1.0, **options
):
    return lambda seed: NumpyTraining(Net(sizes, activation, seed, spread), lr, momentum, seed=seed, **options)


def _as_picture(out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return nn.functional.mse_loss(out, x)


def _scheduled(seed: int) -> Training:
    training = _with(lambda: mlp(nn.ReLU, 64, 64, 10), torch.optim.SGD, 0.2, momentum=0.9)(seed)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(training.optimizer, training.steps)
    training.after_step = schedule.step
    return training


def _frozen() -> nn.Module:
    net = mlp(nn.ReLU, 64, 64, 64, 10)
    net[0].requires_grad_(False)
    return net


def _dropout() -> nn.Module:
    return nn.Sequential(
        nn.Linear(64, 96), nn.ReLU(), nn.Dropout(0.5), nn.Linear(96, 96), nn.ReLU(), nn.Dropout(0.5), nn.Linear(96, 10)
    )


def _clip(limit: float) -> Callable[[nn.Module], object]:
    return lambda model: nn.utils.clip_grad_norm_(model.parameters(), limit)


SGD, Adam, AdamW = torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW

HEALTHY = (
    Case("MLP, ReLU, SGD", _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.1), tuning=True),
    Case("MLP, tanh, momentum", _with(lambda: mlp(nn.Tanh, 64, 64, 64, 10), SGD, 0.05, momentum=0.9), tuning=True),
    Case("MLP, logistic, Adam", _with(lambda: mlp(nn.Sigmoid, 64, 64, 10), Adam, 1e-2), tuning=True),
    Case("conv with batch norm, Adam", _with(lambda: Convolutional(True), Adam, 3e-3), tuning=True),
    Case("LSTM, Adam", _with(lambda: Recurrent(nn.LSTM), Adam, 1e-2), tuning=True),
    Case("autoencoder, Adam", _with(Autoencoder, Adam, 1e-2, loss=_as_picture), tuning=True),
    Case("NumPy MLP, ReLU, SGD", _numpy(64, 48, 10, lr=0.2), tuning=True),
    Case("MLP, GELU, Adam", _with(lambda: mlp(nn.GELU, 64, 64, 64, 10), Adam, 3e-3)),
    Case(
        "deep MLP, ReLU, momentum",
        _with(lambda: mlp(nn.ReLU, 64, 64, 64, 64, 64, 10, init=nn.init.kaiming_normal_), SGD, 0.02, momentum=0.9),
    ),
    Case("MLP, tanh, Adam", _with(lambda: mlp(nn.Tanh, 64, 48, 48, 10), Adam, 3e-3)),
    Case(
        "MLP, logistic, SGD",
        _with(lambda: mlp(nn.Sigmoid, 64, 64, 10, init=nn.init.xavier_normal_), SGD, 1.0, steps=300),
    ),
    Case("conv, momentum", _with(Convolutional, SGD, 0.05, momentum=0.9)),
    Case("conv with batch norm, SGD", _with(lambda: Convolutional(True), SGD, 0.1)),
    Case("RNN, Adam", _with(lambda: Recurrent(nn.RNN), Adam, 5e-3)),
    Case("GRU, momentum, clipped", _with(lambda: Recurrent(nn.GRU), SGD, 0.1, momentum=0.9, before_step=_clip(1.0))),
    Case(
        "LSTM, two layers, AdamW", _with(lambda: Recurrent(nn.LSTM, num_layers=2), AdamW, 5e-3, before_step=_clip(5.0))
    ),
    Case("transformer block, AdamW", _with(Block, AdamW, 3e-3)),
    Case("embedding, Adam", _with(Tokens, Adam, 2e-2)),
    Case("residual net, Adam", _with(Residual, Adam, 2e-3)),
    Case("autoencoder, tanh, momentum", _with(lambda: Autoencoder(nn.Tanh), SGD, 0.5, momentum=0.9, loss=_as_picture)),
    Case("MLP, ReLU, bfloat16 autocast", _with(lambda: mlp(nn.ReLU, 64, 96, 96, 10), Adam, 3e-3, autocast=True)),
    Case(
        "conv with batch norm, bfloat16 autocast",
        _with(lambda: Convolutional(True), SGD, 0.05, momentum=0.9, autocast=True),
    ),
    Case("MLP with dropout, Adam", _with(_dropout, Adam, 3e-3)),
    Case("MLP, cosine schedule", _scheduled),
    Case("MLP, first layer frozen", _with(_frozen, SGD, 0.1, momentum=0.9)),
    Case("MLP, trained to the end", _with(lambda: mlp(nn.ReLU, 64, 128, 10), SGD, 0.2, momentum=0.9, steps=800)),
    Case("NumPy MLP, tanh, momentum", _numpy(64, 48, 32, 10, activation="tanh", lr=0.05, momentum=0.9)),
    Case("NumPy MLP, logistic, SGD", _numpy(64, 48, 10, activation="logistic", lr=1.0, steps=300)),
)


def _drawn(std: float) -> Callable[[Tensor], object]:
    return lambda weight: nn.init.normal_(weight, std=std)


def _dead_bias() -> nn.Module:
    net = mlp(nn.ReLU, 64, 64, 64, 10)
    nn.init.constant_(net[2].bias, -30.0)
    return net


class _ProbabilityLog(nn.Module):
    """A softmax and a logarithm of its own: the probability that comes out as 0 is the birth of an infinity."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(nn.ReLU, 64, 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return torch.log(torch.softmax(self.body(x) * 4000, dim=1))


def _likelihood(out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return -out[torch.arange(len(y)), y].mean()


class _Distance(nn.Module):
    """A distance to a point that it starts at: the square root has no slope there."""

    def __init__(self) -> None:
        super().__init__()
        self.body = mlp(nn.ReLU, 64, 64, 10, init=nn.init.zeros_)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sqrt((self.body(x) ** 2).sum(dim=1, keepdim=True)) - torch.arange(10)


class _Detached(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)).detach())


class _Clamped(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.clamp(self.first(x), -0.02, 0.02))


class _Recurrence(nn.Module):
    """A linear recurrence over all pixels with a weight of norm above 1."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.step, self.out = nn.Linear(1, 16), nn.Linear(16, 16), nn.Linear(16, 10)
        with torch.no_grad():
            self.step.weight.copy_(1.25 * nn.init.orthogonal_(torch.empty(16, 16)))

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros(len(x), 16)
        for k in range(64):
            state = self.step(state) + self.read(x[:, k : k + 1])
        return self.out(state)


def _left_out(seed: int) -> Training:
    torch.manual_seed(seed)
    net = mlp(nn.ReLU, 64, 64, 64, 10)
    return Training(net, torch.optim.SGD([*net[0].parameters(), *net[4].parameters()], lr=0.1), seed=seed)


def _shuffled(out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    return nn.functional.cross_entropy(out, torch.randint(0, 10, y.shape))


def _one_class() -> nn.Module:
    net = mlp(nn.ReLU, 64, 64, 10)
    nn.init.constant_(net[2].bias[3:4], 30.0)
    return net


def _large_output() -> nn.Module:
    net = mlp(nn.ReLU, 64, 64, 10)
    with torch.no_grad():
        net[2].weight *= 60
    return net


def _overflowing(model: nn.Module) -> object:
    for p in model.parameters():
        p.grad *= 1e25  # finite, and its norm is not
    return nn.utils.clip_grad_norm_(model.parameters(), 1.0)


BROKEN = (
    Case(
        "weights far too large",
        _with(lambda: mlp(nn.ReLU, 64, 64, 64, 64, 10, init=_drawn(1.5)), SGD, 1e-4),
        ("GC314",),
        True,
    ),
    Case(
        "weights far too small, tanh",
        _with(lambda: mlp(nn.Tanh, 64, 64, 64, 64, 64, 10, init=_drawn(0.01)), SGD, 0.1),
        ("GC314",),
        True,
    ),
    Case("ten logistic layers", _with(lambda: mlp(nn.Sigmoid, 64, *[48] * 9, 10), SGD, 0.1), ("GC312",), True),
    Case("bias of -30 before ReLU", _with(_dead_bias, SGD, 0.1), ("GC320",), True),
    Case(
        "one step far too large",
        _with(lambda: mlp(nn.ReLU, 64, 64, 64, 10), SGD, 30.0),
        ("GC330", "GC343", "GC300"),
        True,
    ),
    Case("softmax and its own log", _with(_ProbabilityLog, SGD, 1e-9, loss=_likelihood), ("GC300",), True),
    Case("a layer that no optimizer has", _left_out, ("GC334",), True),
    Case(
        "logistic units saturated by inputs ×100",
        _with(lambda: mlp(nn.Sigmoid, 64, 64, 10), SGD, 0.1, scale=100.0),
        ("GC321",),
    ),
    Case(
        "tanh units saturated by weights",
        _with(lambda: mlp(nn.Tanh, 64, 64, 64, 10, init=_drawn(4.0)), SGD, 1e-3),
        ("GC321", "GC314"),
    ),
    Case("square root at zero", _with(_Distance, SGD, 0.1), ("GC300",)),
    Case("learning rate of 1e-9", _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 1e-9, steps=300), ("GC331",)),
    Case("learning rate of 0", _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.0), ("GC332",)),
    Case("detached in the middle", _with(_Detached, SGD, 0.1), ("GC333",)),
    Case("all weights zero", _with(lambda: mlp(nn.Tanh, 64, 64, 10, init=nn.init.zeros_), SGD, 0.1), ("GC335",)),
    Case(
        "all weights equal",
        _with(lambda: mlp(nn.ReLU, 64, 64, 10, init=lambda w: nn.init.constant_(w, 0.05)), SGD, 0.1),
        ("GC335",),
    ),
    Case(
        "gradients clipped to 1e-4",
        _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.1, before_step=_clip(1e-4), steps=200),
        ("GC323",),
    ),
    Case(
        "clipping that hides an overflow",
        _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.1, before_step=_overflowing),
        ("GC301",),
    ),
    Case(
        "labels without meaning",
        _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.02, loss=_shuffled, steps=400),
        ("GC341",),
    ),
    Case("one class preferred by its bias", _with(_one_class, SGD, 1e-3), ("GC340", "GC344")),
    Case("output layer ×60", _with(_large_output, SGD, 1e-4), ("GC340", "GC314")),
    Case("activations clamped to ±0.02", _with(_Clamped, SGD, 0.1), ("GC322",)),
    Case("a recurrence that grows", _with(_Recurrence, SGD, 1e-6), ("GC313", "GC311"), True),
    Case(
        "gradients never set to zero",
        _with(lambda: mlp(nn.ReLU, 64, 64, 10), SGD, 0.5, zeroes=False, steps=300),
        ("GC336",),
    ),
    Case(
        "deep ReLU at a step that swings",
        _with(lambda: mlp(nn.ReLU, 64, 64, 64, 64, 10, init=nn.init.kaiming_normal_), SGD, 1.2),
        ("GC330", "GC342", "GC343", "GC320", "GC344"),
    ),
    Case(
        "NumPy: weights far too large, logistic",
        _numpy(64, 64, 10, activation="logistic", spread=30.0),
        ("GC314", "GC321"),
    ),
    Case("NumPy: step far too large", _numpy(64, 64, 64, 10, lr=1e4), ("GC300", "GC330", "GC343")),
    Case("NumPy: all weights zero", _numpy(64, 48, 10, activation="tanh", spread=0.0), ("GC335",)),
)


class _Ungraded(nn.Module):
    """The first layer is run without gradients, as for an evaluation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            hidden = torch.relu(self.first(x))
        return self.second(hidden)


class _Logarithm(nn.Module):
    """The logarithm of an activation that may be below -1."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.log1p(3 * self.first(x)))


def _biased(bias: float) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        net = Convolutional()
        nn.init.constant_(net.conv1.bias, bias)
        return net

    return make


def _biases_alone(seed: int) -> Training:
    torch.manual_seed(seed)
    net = mlp(nn.ReLU, 64, 64, 10)
    return Training(net, torch.optim.Adam([net[0].bias, net[2].bias], lr=1e-2), seed=seed)


def _two_rates(seed: int) -> Training:
    torch.manual_seed(seed)
    net = mlp(nn.ReLU, 64, 64, 64, 10)
    groups = [{"params": net[0].parameters(), "lr": 0.0}, {"params": [*net[2].parameters(), *net[4].parameters()]}]
    return Training(net, torch.optim.SGD(groups, lr=0.1), seed=seed)


class _Overflowing(Net):
    """Softmax without subtracting the maximum, on large weights."""

    def forward(self, x):
        super().forward(x)
        e = np.exp(5000 * (self.a[-1] @ self.W[-1] + self.b[-1]))
        self.p = e / e.sum(axis=1, keepdims=True)
        return self.p


class _Climbing(Net):
    """Goes up the gradient."""

    def update(self, lr, momentum=0.0):
        super().update(-lr, momentum)


class _FirstLeftOut(Net):
    """The first layer's weights are never updated."""

    def update(self, lr, momentum=0.0):
        for k in range(1, len(self.W)):
            self.W[k] -= lr * self.dW[k]
            self.b[k] -= lr * self.db[k]


def _own(kind: type[Net], *sizes: int, lr: float, bias: float = 0.0, **options) -> Callable[[int], NumpyTraining]:
    def make(seed: int) -> NumpyTraining:
        net = kind(sizes, "relu", seed)
        net.b[0] += bias
        return NumpyTraining(net, lr, seed=seed, **options)

    return make


# Written after the rules were finished, and never looked at while they were changed.
UNSEEN = (
    Case("Adam with a step of 1", _with(Block, Adam, 1.0), ("GC330", "GC343", "GC300")),
    Case("biases of -20 before the first ReLU of a conv net", _with(_biased(-20.0), SGD, 0.05), ("GC320", "GC325")),
    Case("tanh units, inputs ×1000", _with(lambda: mlp(nn.Tanh, 64, 64, 10), SGD, 0.05, scale=1e3), ("GC321",)),
    Case("Adam with a step of 1e-12", _with(lambda: mlp(nn.GELU, 64, 64, 10), Adam, 1e-12, steps=300), ("GC331",)),
    Case("an optimizer of the biases alone", _biases_alone, ("GC334",)),
    Case("no gradients through the first layer", _with(_Ungraded, SGD, 0.1), ("GC333",)),
    Case(
        "gradients clipped by value to 1e-6",
        _with(
            lambda: mlp(nn.ReLU, 64, 64, 10),
            SGD,
            0.1,
            before_step=lambda m: nn.utils.clip_grad_value_(m.parameters(), 1e-6),
            steps=200,
        ),
        ("GC323",),
    ),
    Case("a logarithm below its domain", _with(_Logarithm, SGD, 0.1), ("GC300",)),
    Case(
        "momentum of 0.99 with a step of 2",
        _with(lambda: mlp(nn.Tanh, 64, 64, 10), SGD, 2.0, momentum=0.99),
        ("GC330", "GC343", "GC342", "GC321"),
    ),
    Case(
        "twelve tanh layers, PyTorch's own weights",
        _with(lambda: mlp(nn.Tanh, 64, *[32] * 12, 10), SGD, 0.01, steps=200),
        ("GC310", "GC312", "GC314"),
    ),
    Case("a parameter group with a step of 0", _two_rates, ("GC332",)),
    Case(
        "ReLU6 units at their limit",
        _with(lambda: mlp(nn.ReLU6, 64, 64, 64, 10, init=_drawn(3.0)), SGD, 1e-4),
        ("GC314", "GC321", "GC322"),
    ),
    Case("NumPy: softmax without the shift", _own(_Overflowing, 64, 48, 10, lr=0.05), ("GC300", "GC330")),
    Case("NumPy: up the gradient", _own(_Climbing, 64, 48, 10, lr=0.1), ("GC343",)),
    Case("NumPy: the first layer is never updated", _own(_FirstLeftOut, 64, 48, 10, lr=0.1), ("GC332",)),
    Case("NumPy: biases of -50", _own(Net, 64, 48, 10, lr=0.1, bias=-50.0), ("GC320", "GC325")),
)
