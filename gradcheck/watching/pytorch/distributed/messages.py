"""What the processes of a training tell each other."""

from __future__ import annotations

from dataclasses import dataclass, field

from gradcheck.health.sample import OutputSample, Sample
from gradcheck.report import Finding
from gradcheck.watched import Histogram
from gradcheck.watching.pytorch.distributed.numbers import Outline, Packed

__all__ = ["End", "Message", "Verdict"]


@dataclass
class Message:
    """One sampled step of one process, and what happened since the one before.

    ``outline`` and ``findings`` are sent when they have changed; ``births`` is how many it has found until now;
    ``left_out`` is what the network said of batches of a single class, which in a part of a batch may be chance;
    ``shown`` are histograms, which are not sent.
    """

    rank: int
    step: int
    losses: list[tuple[int, float | None]] = field(default_factory=list)
    rest: Sample | None = None
    numbers: Packed | None = None
    outline: Outline | None = None
    findings: tuple[Finding, ...] | None = None
    unseen: tuple[str, ...] = ()
    births: int = 0
    left_out: OutputSample | None = None
    shown: dict[str, tuple[Histogram, ...]] = field(default_factory=dict)


@dataclass
class End:
    """The last that a process says: how many steps it made, and by which error it left, if by one."""

    steps: int
    error: str
    last: Message


@dataclass
class Verdict:
    """What the first process found, for the others: the first finding that is no info, and how many there are."""

    first: Finding | None
    errors: int
    warnings: int
