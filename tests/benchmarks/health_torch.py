"""Networks to train on the digits: the parts that healthy and broken trainings are put together from."""

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from digits import batches, load
from torch import Tensor, nn

__all__ = ["Autoencoder", "Block", "Convolutional", "Recurrent", "Residual", "Tokens", "Training", "data", "mlp"]


def data(size: int, steps: int, seed: int, scale: float = 1.0, dtype: torch.dtype = torch.float32) -> Iterator[tuple]:
    """``steps`` batches of centred digits with their labels."""
    x, y, _, _ = load(-1.0, 1.0)
    epochs = math.ceil(steps * size / len(x)) + 1
    for k, rows in enumerate(batches(len(x), size, epochs, seed)):
        if k == steps:
            return
        yield torch.tensor(x[rows] * scale, dtype=dtype), torch.tensor(y[rows])


@dataclass
class Training:
    """A network, its optimizer and its loop: what a user's script consists of."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int = 120
    size: int = 64
    seed: int = 0
    scale: float = 1.0
    dtype: torch.dtype = torch.float32
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] = field(
        default=lambda out, x, y: nn.functional.cross_entropy(out, y)
    )
    before_step: Callable[[nn.Module], object] | None = None  # clipping
    after_step: Callable[[], object] | None = None  # a schedule
    autocast: bool = False
    zeroes: bool = True

    def run(self) -> list[float]:
        """Train; give the losses."""
        losses = []
        for x, y in data(self.size, self.steps, self.seed, self.scale, self.dtype):
            if self.zeroes:
                self.optimizer.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.autocast):
                loss = self.loss(self.model(x), x, y)
            loss.backward()
            if self.before_step is not None:
                self.before_step(self.model)
            self.optimizer.step()
            if self.after_step is not None:
                self.after_step()
            losses.append(float(loss.detach()))
        return losses


def mlp(
    activation: Callable[[], nn.Module], *sizes: int, init: Callable[[Tensor], object] | None = None
) -> nn.Sequential:
    """Linear layers with an activation between any two; ``init`` draws the weights, biases become 0 then."""
    layers: list[nn.Module] = []
    for inputs, units in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, units), activation()]
        if init is not None:
            init(layers[-2].weight)
            nn.init.zeros_(layers[-2].bias)
    return nn.Sequential(*layers[:-1])


class Convolutional(nn.Module):
    """Two convolutions on 8×8 images, a pool, a linear layer."""

    def __init__(self, norm: bool = False, activation: Callable[[], nn.Module] = nn.ReLU):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3, padding=1, bias=True)
        self.norm1 = nn.BatchNorm2d(8) if norm else nn.Identity()
        self.act1 = activation()
        self.pool = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(8, 16, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(16) if norm else nn.Identity()
        self.act2 = activation()
        self.out = nn.Linear(16 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.pool(self.act1(self.norm1(self.conv1(x.view(-1, 1, 8, 8)))))
        return self.out(self.act2(self.norm2(self.conv2(x))).flatten(1))


class Recurrent(nn.Module):
    """An image read row by row."""

    def __init__(self, kind: type[nn.RNNBase], hidden: int = 32, **options: object):
        super().__init__()
        self.cell = kind(8, hidden, batch_first=True, **options)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.cell(x.view(-1, 8, 8))
        return self.out(states[:, -1])


class Block(nn.Module):
    """A transformer's block over the eight rows of an image."""

    def __init__(self, width: int = 32, heads: int = 4):
        super().__init__()
        self.embed = nn.Linear(8, width)
        self.position = nn.Parameter(torch.randn(8, width) * 0.02)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x.view(-1, 8, 8)) + self.position
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        x = x + self.down(nn.functional.gelu(self.up(self.norm2(x))))
        return self.out(x.mean(dim=1))


class Tokens(nn.Module):
    """Brightness levels as tokens, each pixel's own: an embedding of 64 × 17 rows, summed."""

    def __init__(self, width: int = 16):
        super().__init__()
        self.table = nn.Embedding(64 * 17, width)
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        levels = ((x + 1) * 8).round().long()
        return self.out(self.table(levels + 17 * torch.arange(64)).mean(dim=1))


class Residual(nn.Module):
    """Six residual blocks, each normalised."""

    def __init__(self, width: int = 48, depth: int = 6):
        super().__init__()
        self.first = nn.Linear(64, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
            for _ in range(depth)
        )
        self.out = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        for block in self.blocks:
            x = x + block(x)
        return self.out(x)


class Autoencoder(nn.Module):
    """64 pixels through 8 numbers."""

    def __init__(self, activation: Callable[[], nn.Module] = nn.ReLU):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 32), activation(), nn.Linear(32, 8))
        self.decoder = nn.Sequential(nn.Linear(8, 32), activation(), nn.Linear(32, 64), nn.Tanh())

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))
