"""GC350: the processes of a training have different weights."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from gradcheck.health.processes import on_ranks, ranks_listed
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import listed, number
from gradcheck.report import Finding

__all__ = ["DisagreeingRanks"]

_APART = 1e-5


@dataclass(frozen=True)
class _Apart:
    """A parameter that differs: what each rank has, and which ranks are not as most are."""

    layer: str
    numbers: tuple[int, ...]
    norms: tuple[float, ...]
    updates: tuple[float | None, ...]
    others: tuple[int, ...]
    of: int
    first: bool


class DisagreeingRanks(Rule):
    """The 2-norms of a parameter of which every rank has a copy differ by more than 1e-5, at three of five samples.

    Copies that begin alike and take the same averaged gradients stay equal to the last bit; 1e-5 leaves room for
    machines of different kinds. Exempt: what is not finite, which has its own finding, and weights spread over ranks.
    """

    code: ClassVar[str] = "GC350"

    def __init__(self) -> None:
        self._lasting: Symptoms[_Apart] = Symptoms()
        self._kinds: set[bool] = set()

    def observe(self, sample: Sample) -> None:
        ranks = sample.ranks
        if ranks is None or len(ranks.numbers) < 2:
            return
        layers = {parameter.name: parameter.layer for parameter in sample.parameters}
        for name, norms in ranks.weights.items():
            apart = None
            if all(map(math.isfinite, norms)) and max(norms) - min(norms) > _APART * max(norms):
                others = _others(ranks.numbers, norms)
                updates = ranks.updates.get(name, ())
                apart = _Apart(layers.get(name, ""), ranks.numbers, norms, updates, others, ranks.of, sample.first)
            self._lasting.observe(name, sample.step, apart)

    def findings(self) -> Iterator[Finding]:
        found = {name: seen for name, seen in self._lasting if not seen.passed}
        if not found:
            return
        name = min(found, key=lambda n: found[n].since)
        seen = found[name]
        apart = seen.what
        alone = len(apart.others) < len(apart.numbers) - 1
        who = f": it is another {on_ranks(apart.others, apart.of)}" if alone and apart.others else ""
        moved = _moved(apart)
        since = "from the first step on" if seen.since == 0 else f"since step {seen.since}"
        yield Finding(
            code=self.code,
            severity="error",
            title=f"the ranks train different weights: {name} is not the same on all of them{who}",
            layer=apart.layer,
            gradient=name,
            evidence=(
                f"‖{name}‖ {_by_rank(apart.numbers, apart.norms)}, {since}",
                *([moved] if moved else []),
                *([f"likewise {listed([other for other in found if other != name])}"] if len(found) > 1 else []),
            ),
            help=(
                "let every rank do the same to the weights: the same optimizer and learning rate, nothing loaded, "
                "drawn or skipped on some ranks only after the model was wrapped",
            ),
            step=seen.since,
        )


def _others(numbers: Sequence[int], norms: Sequence[float]) -> tuple[int, ...]:
    """The ranks that do not have what most have."""

    def like(norm: float) -> list[int]:
        return [r for r, n in zip(numbers, norms, strict=True) if abs(n - norm) <= _APART * max(norms)]

    most = max((like(norm) for norm in norms), key=len)
    return tuple(rank for rank in numbers if rank not in most)


def _moved(apart: _Apart) -> str:
    """What the updates say: who did not take part in one, or took another."""
    known = [update for update in apart.updates if update is not None and math.isfinite(update)]
    if len(known) < len(apart.numbers) or max(known) - min(known) <= _APART * max(known):
        return ""
    still = [rank for rank, update in zip(apart.numbers, known, strict=True) if update == 0]
    if still:
        return f"{ranks_listed(still)} did not move it in the last sample"
    return f"its update is not the same either: {_by_rank(apart.numbers, known)}"


def _by_rank(numbers: Sequence[int], values: Sequence[float]) -> str:
    told = [f"{number(value)} on rank {rank}" for rank, value in zip(numbers, values, strict=True)]
    return ", ".join(told[:8]) + (f" and {len(told) - 8} more" if len(told) > 8 else "")
