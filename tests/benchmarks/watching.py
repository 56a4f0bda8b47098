"""What it costs to watch a training, beside what is used to look into one otherwise."""

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator

import torch
import watching_numpy
from tables import Table
from timing import keep_memory, middle
from torch import Tensor, nn
from torch.nn import functional

from gradcheck import watch

__all__ = ["table"]

PERIOD = 50  # steps from one sample to the next, once a training is under way: a block is a whole number of these
SHORT = 20  # steps of a block of what is the same at every step and far from its neighbours
BEGIN = 5  # steps before a block is timed: the first sample looks closer, and what is called is learned


class Transformer(nn.Module):
    """Two blocks over 32 symbols, and a decision."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(64, 64)
        block = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.1, batch_first=True)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.head = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, symbols) -> (batch, classes)"""
        return self.head(self.blocks(self.embed(x)).mean(1))


def _mlp() -> tuple[nn.Module, Tensor]:
    net = nn.Sequential(
        nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)
    )  # fmt: skip
    return net, torch.randn(128, 784)


def _convolutional() -> tuple[nn.Module, Tensor]:
    def stage(into: int, out: int) -> list[nn.Module]:
        return [nn.Conv2d(into, out, 3, padding=1), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)]

    net = nn.Sequential(*stage(1, 16), *stage(16, 32), nn.Flatten(), nn.Linear(32 * 49, 10))
    return net, torch.randn(32, 1, 28, 28)


def _transformer() -> tuple[nn.Module, Tensor]:
    return Transformer(), torch.randint(64, (32, 32))


NETWORKS = {
    "MLP 784-512-512-10": _mlp,
    "conv net with batch norm": _convolutional,
    "transformer, two blocks": _transformer,
}


class Training:
    """A network with its optimizer and one batch."""

    def __init__(self, make: Callable[[], tuple[nn.Module, Tensor]]) -> None:
        torch.manual_seed(0)
        self.net, self.x = make()
        self.y = torch.randint(10, (len(self.x),))
        # it stays where it is, however long it is trained
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-6)

    def step(self) -> None:
        """One, as in any training loop."""
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.net(self.x), self.y)
        loss.backward()
        self.optimizer.step()


Context = Callable[[Training], contextlib.AbstractContextManager[object]]


@contextlib.contextmanager
def _hooks(look: Callable[[Tensor], object], training: Training) -> Iterator[None]:
    """``look`` at each layer's output and the gradient with respect to it, at every step."""

    def came(gradient: Tensor) -> None:
        look(gradient)

    def hook(module: nn.Module, args: tuple[Tensor, ...], out: object) -> None:
        if isinstance(out, Tensor) and out.requires_grad:
            look(out.detach())
            out.register_hook(came)

    handles = [module.register_forward_hook(hook) for module in training.net.modules() if not list(module.children())]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _numbers(tensor: Tensor) -> tuple[float, float, float]:
    return tensor.mean().item(), tensor.std().item(), tensor.max().item()


def _histogram(tensor: Tensor) -> Tensor:
    return torch.histc(tensor.float(), 64)


SAMPLED, BIRTHS, ALL = "watch", "watch, no step sampled", "watch(every=1)"
WAYS: dict[str, Context] = {
    SAMPLED: lambda training: watch(training.net, training.optimizer, every=PERIOD),  # as it is by default by then
    BIRTHS: lambda training: watch(training.net, training.optimizer, every=10**9),
    ALL: lambda training: watch(training.net, training.optimizer, every=1),
    "detect_anomaly": lambda _: torch.autograd.detect_anomaly(check_nan=True),
    "hooks, mean std max .item()": lambda training: _hooks(_numbers, training),
    "hooks, histograms": lambda training: _hooks(_histogram, training),
}


def _seconds(training: Training, way: Context | None, steps: int) -> float:
    """Of the process for one step, in the midst of a training: of those that are alike the median counts for each.

    A mean would tell more of what else the machine does: a single step that is interrupted outweighs the difference.
    """
    taken = []
    with contextlib.nullcontext() if way is None else way(training):
        for _ in range(BEGIN):
            training.step()
        for _ in range(steps):
            started = time.process_time()
            training.step()
            taken.append(time.process_time() - started)
    together = 5 if way is WAYS[ALL] else 1  # so many samples are judged at once, in one of the steps
    alike = middle(taken, together)
    if way is not WAYS[SAMPLED]:
        return alike
    sampled = taken[-BEGIN % PERIOD]  # the one whose number is a multiple of the period
    return alike + (sampled - alike) / PERIOD


def table(rounds: int) -> Table:
    """Every way to watch as a multiple of the bare step: medians of blocks taken in turn with bare ones."""
    made = Table(
        f"Watching: one training step as a multiple of the bare one, medians of {rounds} blocks",
        ["network", "bare step", *WAYS],
        remarks=[
            "births of NaN are looked for at every step in all columns of watch",
            f"a block of watch is {PERIOD} steps: one period of its sampling, so that one of them is sampled",
            "each block is held against the bare blocks before and after it, in time of the process; of the steps of a "
            "block that are alike the median counts",
            "memory that is freed stays with the process: else page faults come and go by chance, in bare steps too",
        ],
    )
    keep_memory()
    for name, make in NETWORKS.items():
        training = Training(make)
        bare: list[float] = []
        ratios: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            before = _seconds(training, None, PERIOD)
            for way, context in WAYS.items():
                taken = _seconds(training, context, PERIOD if "watch" in way else SHORT)
                after = _seconds(training, None, PERIOD if "watch" in way else SHORT)
                bare += [before, after]
                ratios[way].append(2 * taken / (before + after))
                before = after
        row = [name, f"{1000 * statistics.median(bare):.2f} ms"]
        made.rows.append([*row, *(f"{statistics.median(found):.3f} ×" for found in ratios.values())])
    for dtype in ("float32", "float64"):
        unit, births, sampled, every = watching_numpy.ratios(dtype, max(rounds * PERIOD // 2, PERIOD), PERIOD)
        cells = {SAMPLED: sampled, BIRTHS: births, ALL: every}
        row = [f"NumPy MLP, {dtype}", f"{1000 * unit:.2f} ms"]
        made.rows.append([*row, *(f"{cells[way]:.3f} ×" if way in cells else "" for way in WAYS)])
    return made
