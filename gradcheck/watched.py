"""What a watch saw over the steps of a training, as frozen plain data of bounded size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from gradcheck.where import Where

__all__ = ["Histogram", "LayerHistory", "ParameterHistory", "Series", "Spread", "Watched"]

Spread = Literal["input", "output", "weight", "gradient"]


@dataclass(frozen=True, slots=True)
class Series:
    """A number over the steps, at some of them (at most a few dozen however long the run was); None: not measured."""

    steps: tuple[int, ...] = ()
    values: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Histogram:
    """How the entries of an array lay at one step: ``counts`` in bins between ``low`` and ``high``.

    The bins are equally wide, where ``log`` on a log scale of magnitudes. Entries that are exactly 0 (``zeros``) or not
    finite (``bad``) are in none. ``entries`` were looked at, of the array's ``size``: a few thousand at most.
    """

    of: Spread
    low: float
    high: float
    counts: tuple[int, ...]
    log: bool = False
    zeros: int = 0
    bad: int = 0
    entries: int = 0
    size: int = 0
    step: int = 0


@dataclass(frozen=True, slots=True)
class LayerHistory:
    """A layer's output, in the order in which layers were first called.

    ``activation`` is the root mean square of the output's entries, ``gradient`` that of the loss's gradient with
    respect to them. ``zeros`` is the share of entries that are exactly 0 and ``stopped`` the share of entries at which
    the layer passes (almost) no gradient, both at the last sample. ``codes`` are those of the findings that name it;
    ``histograms`` show the output and its gradient (of an activation the input as well), at the sample after such a
    finding.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    activation: Series = field(default_factory=Series)
    gradient: Series = field(default_factory=Series)
    zeros: float | None = None
    stopped: float | None = None
    where: Where | None = None
    codes: tuple[str, ...] = ()
    histograms: tuple[Histogram, ...] = ()


@dataclass(frozen=True, slots=True)
class ParameterHistory:
    """A parameter: root mean squares of its entries and of its gradient's, and ‖update‖ / ‖weights‖ of one step.

    ``histograms`` show its entries and its gradient's, at the sample after a finding that names it.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    weight: Series = field(default_factory=Series)
    gradient: Series = field(default_factory=Series)
    update_ratio: Series = field(default_factory=Series)
    codes: tuple[str, ...] = ()
    histograms: tuple[Histogram, ...] = ()


@dataclass(frozen=True, slots=True)
class Watched:
    """A training as it was watched: how many steps, how many of them sampled, and what was seen.

    ``unseen`` says in sentences what could not be seen (a compiled module's inside, say). ``elsewhere``: in a training
    on several processes, on all but the one that reports on it, who has that report.
    """

    steps: int
    sampled: int
    loss: Series = field(default_factory=Series)
    layers: tuple[LayerHistory, ...] = ()
    parameters: tuple[ParameterHistory, ...] = ()
    unseen: tuple[str, ...] = ()
    elsewhere: str = ""

    @property
    def blind(self) -> bool:
        """Whether steps were sampled, and neither a layer nor a parameter could be seen in them."""
        return self.sampled > 0 and bool(self.unseen) and not (self.layers or self.parameters)
