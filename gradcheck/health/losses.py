"""What rules need to know of the losses of a training of any length, in a few numbers."""

from __future__ import annotations

import math

from gradcheck.health.sample import OutputSample, Sample

__all__ = ["Chance", "Progress", "Stretches"]

_MOST = 32
_CONVERGED = 0.1


class Stretches:
    """Means over at most 32 stretches of equal length, and the mean and spread of the very first losses."""

    def __init__(self, first: int = 8) -> None:
        self._begin = first
        self.first: list[float] = []
        self.means: list[float] = []
        self.squares: list[float] = []  # of the deviations from the very first loss, so that nothing cancels
        self.length = 4
        self.count = 0
        self._sum = self._square = 0.0
        self._filled = 0

    def add(self, loss: float) -> None:
        """Note one loss."""
        if len(self.first) < self._begin:
            self.first.append(loss)
        self.count += 1
        deviation = loss - self.first[0]
        self._sum += deviation
        self._square += deviation * deviation
        self._filled += 1
        if self._filled == self.length:
            self.means.append(self._sum / self.length)
            self.squares.append(self._square / self.length)
            self._sum = self._square = 0.0
            self._filled = 0
            if len(self.means) == _MOST:
                self.means = [(a + b) / 2 for a, b in zip(self.means[::2], self.means[1::2], strict=True)]
                self.squares = [(a + b) / 2 for a, b in zip(self.squares[::2], self.squares[1::2], strict=True)]
                self.length *= 2

    def part(self, begin: float, end: float) -> tuple[float, float]:
        """Mean of a part of the run (shares of its stretches), and how far it may be off (one standard error)."""
        n = len(self.means)
        a, b = int(begin * n), max(int(end * n), int(begin * n) + 1)
        mean = math.fsum(self.means[a:b]) / (b - a)
        within = sum(max(s - m * m, 0.0) for m, s in zip(self.means[a:b], self.squares[a:b], strict=True)) / (b - a)
        return self.first[0] + mean, math.sqrt(within / ((b - a) * self.length))

    def beginning(self) -> tuple[float, float]:
        """Mean of the very first losses, and its standard error."""
        n = len(self.first)
        mean = math.fsum(self.first) / n
        return mean, math.hypot(*(x - mean for x in self.first)) / math.sqrt(max(n - 1, 1) * n)


class Progress:
    """Whether the loss has come down: what is small after that is small because the training is done."""

    def __init__(self) -> None:
        self._first: float | None = None
        self.converged = False

    def observe(self, sample: Sample) -> None:
        """Note the loss of a sample."""
        if sample.loss is None or not math.isfinite(sample.loss):
            return
        if self._first is None:
            self._first = sample.loss
        self.converged = sample.loss == 0 or 0 < sample.loss <= _CONVERGED * self._first


class Chance:
    """The cross-entropy of a network that knows only how frequent each class is: the entropy of the labels, ≤ ln C."""

    def __init__(self) -> None:
        self._classes = 0
        self._labels: dict[int, int] = {}
        self._sum_over = 1
        self._level: float | None = None

    def observe(self, sample: Sample) -> None:
        """Note the labels of a sample."""
        output = sample.output
        if output is None or output.loss_kind != "cross-entropy" or not output.classes:
            return
        if sample.first and sample.loss is not None and summed(sample.loss, output, sample.samples):
            self._sum_over = sample.samples
        self._classes = output.classes
        if output.labels is not None:
            for label, count in enumerate(output.labels.tolist()):
                if count:
                    self._labels[label] = self._labels.get(label, 0) + count
        self._level = self._found()

    @property
    def level(self) -> float | None:
        """The loss at chance; None where the loss is no cross-entropy. It is asked for at every step."""
        return self._level

    def _found(self) -> float | None:
        if self._classes < 2:
            return None
        total = sum(self._labels.values())
        if len(self._labels) < 2:
            return self._sum_over * math.log(self._classes)
        return -self._sum_over * sum(n / total * math.log(n / total) for n in self._labels.values())


def summed(loss: float, output: OutputSample, samples: int) -> bool:
    """Whether an initial cross-entropy is a sum over the batch: about ``samples`` times ln C."""
    return bool(output.classes) and samples >= 4 and 0.7 <= loss / (samples * math.log(output.classes or 2)) <= 1.5
