"""What is measured of one training step. Watchers of every kind fill these in; rules read nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from gradcheck.report import Where
from gradcheck.watched import Histogram

__all__ = [
    "ELSEWHERE",
    "Birth",
    "GateSample",
    "GradientClip",
    "LayerSample",
    "OutputSample",
    "ParameterSample",
    "Ranks",
    "Sample",
    "Stats",
    "ValueClip",
]

ELSEWHERE = "an operation in another process"

Kind = Literal[
    "linear", "conv", "embedding", "rnn", "attention", "norm", "pool", "dropout",
    "relu", "logistic", "tanh", "softmax", "gelu", "clip", "activation", "loss", "block", "other",
]  # fmt: skip


@dataclass(slots=True)
class Stats:
    """An array in a few numbers. What was not measured at this sample is None.

    ``norm`` is the 2-norm in float64 (a float32 norm that came out as 0 or infinite was taken again); ``bad`` counts
    non-finite entries; ``zeros`` entries exactly 0 (of a large output: as many as its share in some of the batch's
    samples makes); ``smallest`` is the smallest magnitude that is not 0, and
    ``subnormal`` counts entries below the dtype's smallest normal number that are not 0.
    """

    count: int
    norm: float
    dtype: str
    low: float | None = None
    high: float | None = None
    mean: float | None = None
    bad: int = 0
    zeros: int | None = None
    smallest: float | None = None
    subnormal: int | None = None

    @property
    def rms(self) -> float:
        """The root mean square of the entries; 0 for an empty array."""
        return self.norm / math.sqrt(self.count) if self.count else 0.0

    @property
    def std(self) -> float | None:
        """The standard deviation of the entries, where the mean was measured."""
        if self.mean is None:
            return None
        mean = abs(self.mean)  # the difference of two squares as a product of roots: squares may overflow
        return math.sqrt(max(self.rms - mean, 0.0)) * math.sqrt(self.rms + mean)

    @property
    def largest(self) -> float | None:
        """The largest magnitude, where the extremes were measured."""
        return None if self.low is None or self.high is None else max(abs(self.low), abs(self.high))


@dataclass(frozen=True, slots=True)
class GateSample:
    """A gate inside a recurrent layer that is one operation, over time steps and samples.

    ``flat`` is the share of its entries where its derivative is below 1/100 of the largest that it can be: those at its
    lowest value (``low``: 0, or −1 of a tanh) and at its highest (``high``: 1). ``slope`` is the root mean square of
    the derivative as a share of that largest value. ``place`` is which of the layer's own layers and directions it is
    of.
    """

    name: str
    place: str
    flat: float
    low: float
    high: float
    slope: float
    tanh: bool = False  # no gate but what the gates let through


@dataclass(slots=True)
class LayerSample:
    """One layer in one step; of a layer that is called several times a step, all calls together.

    ``activation`` is the output, ``gradient`` the loss's gradient with respect to it, ``input_gradient`` that with
    respect to the input. For a layer with a known derivative f' (ReLU, logistic, tanh, softmax, a clip): ``flat`` is
    the share of entries where the magnitude of f' is below 1/100 of its largest possible value, ``slope`` the root mean
    square of f' over entries as a share of that largest value, i.e. how much gradient passes; of a large output both
    are taken over every k-th sample of the batch. ``active`` tells for each
    unit (a channel, a column) whether f' was not 0 for any sample of this step. ``histograms`` are taken of layers that
    a finding names already.
    """

    name: str
    kind: Kind
    shape: tuple[int, ...]
    activation: Stats | None = None
    gradient: Stats | None = None
    input_gradient: Stats | None = None
    flat: float | None = None
    slope: float | None = None
    active: np.ndarray[Any, np.dtype[np.bool_]] | None = None
    where: Where | None = None
    before_loss: bool = False  # the softmax or logistic that makes the network's output: saturates by design
    gate: bool = False  # inside a recurrent cell or an attention: saturates by design
    passes: str = ""  # of a mask that passes gradient to few positions by design: "1 of 16 positions"
    calls: int = 1  # in the step
    growth: float | None = None  # of several calls: root mean square of the last one's output over the first one's
    times: int = 1  # of a recurrent layer that is one operation: its time steps, over which growth is taken then
    gates: tuple[GateSample, ...] = ()  # of such a layer
    histograms: tuple[Histogram, ...] = ()


@dataclass(slots=True)
class ParameterSample:
    """One parameter in one step. ``update`` is what the step added to it; ``gradient`` is the step's, before clipping.

    ``fan_in`` and ``fan_out`` are those of its linear map, where it is the weight of one.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    role: Literal["weight", "bias", "norm", "embedding", "other"]
    weight: Stats
    gradient: Stats | None = None
    update: Stats | None = None
    fan_in: int | None = None
    fan_out: int | None = None
    lr: float | None = None
    trained: bool = True  # False: it takes part, but no optimizer that is watched has it
    frozen: bool = False  # requires_grad is off: it is not meant to move
    sparse: bool = False  # only the rows in use get a gradient
    before_norm: bool = False  # a bias whose effect what follows takes away (a normalisation): its true gradient is 0
    carried: bool = False  # the step's first backward found the gradient that the last update left: it is added to
    equal_columns: bool = False  # all units of the layer have the same weights (only looked at in the first sample)
    histograms: tuple[Histogram, ...] = ()


@dataclass(slots=True)
class OutputSample:
    """The network's output and the labels it is held against."""

    loss_kind: Literal["cross-entropy", "squared error", "other"]
    classes: int | None = None
    predicted: np.ndarray[Any, np.dtype[np.int64]] | None = None  # how often each class was predicted in this batch
    labels: np.ndarray[Any, np.dtype[np.int64]] | None = None  # how often each class was right
    probabilities: bool = False  # what a cross-entropy of logits got are rows of a softmax already
    broadcast: str = ""  # of a loss of differences: the shapes that do not agree, "(64, 1) and (64,)"
    where: Where | None = None


@dataclass(slots=True)
class ValueClip:
    """A call that bounds values in the forward: ``np.clip``, ``clamp``, ``minimum``, ``maximum``, ``hardtanh``.

    ``same_mask`` tells whether the backward passes no gradient at the clipped entries; None where that cannot be seen.
    """

    call: str
    where: Where | None
    entries: int
    at_low: int
    at_high: int
    low: float | None = None
    high: float | None = None
    layer: str = ""
    same_mask: bool | None = None


@dataclass(slots=True)
class GradientClip:
    """A call that bounds gradients. For a clip by norm, ``norm`` is the total before and ``factor`` what it applied.

    ``worst`` is the parameter with the largest share of ``norm`` (``worst_norm``); ``zeroed`` counts entries that were
    not 0 before and are after; ``clipped`` the entries a clip by value changed, of ``entries``; ``bad`` those that were
    not finite before.
    """

    call: str
    where: Where | None
    limit: float
    norm: float | None = None
    factor: float | None = None
    worst: str = ""
    worst_norm: float | None = None
    entries: int = 0
    clipped: int = 0
    zeroed: int = 0
    bad: int = 0


@dataclass(slots=True)
class Ranks:
    """The same step in each process of a training on several, in the order of ``numbers``.

    ``of`` is how many train together: fewer may have told of this step. Root mean squares of the layers' outputs, and
    2-norms of the weights and updates of parameters of which each process has a copy.
    """

    numbers: tuple[int, ...]
    of: int
    losses: tuple[float | None, ...] = ()
    activations: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    weights: dict[str, tuple[float, ...]] = field(default_factory=dict)
    updates: dict[str, tuple[float | None, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Sample:
    """One sampled step. ``first`` marks the one taken before any parameter has moved.

    ``rates`` are the numbers kept beside the parameters that are learning rates by their names, after the step.
    ``evaluations`` tells how many times the optimizer itself had the loss computed, each time at other weights: one
    step of a method with a line search (LBFGS) is many small ones. ``maximized``: the loss is meant to rise.
    ``adversaries``: several optimizers step in turn, each for a loss of its own, so that none needs to fall.
    ``ranks``: of a training on several processes, what each of them measured by itself; all else is of all together.
    """

    step: int
    loss: float | None = None
    samples: int = 0  # in the batch
    first: bool = False
    layers: list[LayerSample] = field(default_factory=list)
    parameters: list[ParameterSample] = field(default_factory=list)
    output: OutputSample | None = None
    value_clips: list[ValueClip] = field(default_factory=list)
    gradient_clips: list[GradientClip] = field(default_factory=list)
    rates: dict[str, float] = field(default_factory=dict)
    evaluations: int = 1
    maximized: bool = False
    adversaries: bool = False
    ranks: Ranks | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """The first operation whose output is not finite while all its inputs are.

    ``inputs`` are not finite where a value was ``bad`` when it was first met, so that ``operation`` only met it, or is
    the name of what it is ("input", "parameter", "buffer", "constant"); ``masked`` are those with infinities that were
    meant, of which a NaN was made; ``unknown`` are those of an update that is seen as a whole. ``ranks`` are the
    processes in which it happened, where ``of`` several train together; ``ELSEWHERE`` is the operation in those that
    know only that it was not theirs.
    """

    step: int
    phase: Literal["forward", "loss", "backward", "update"]
    what: Literal["NaN", "Inf"]
    operation: str
    where: Where | None
    layer: str = ""
    entries: int = 0
    size: int = 0
    first_index: tuple[int, ...] | None = None
    operands: tuple[str, ...] = ()  # the offending values in words: "x[3, 0] = -2.5e-17"
    consequences: tuple[str, ...] = ()  # what turned bad after it, in order, in words
    remark: str = ""  # how it was found, where that limits what is known
    inputs: Literal["finite", "masked", "bad", "unknown"] = "finite"
    ranks: tuple[int, ...] = ()
    of: int = 0
