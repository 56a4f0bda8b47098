"""The same change in several gradients is one fault: all four gradients are 32 times the true ones."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gradcheck.causes.candidate import Array, Candidate, Transform
from gradcheck.causes.case import Case
from gradcheck.causes.spot import Trial

__all__ = ["together"]


def together(case: Case, exact: Sequence[Trial]) -> Iterator[Trial]:
    """One trial for each group of those that change one gradient each, all in the same way."""
    groups: dict[tuple[str, str], dict[str, Trial]] = defaultdict(dict)
    for trial in exact:
        candidate = trial.candidate
        if len(candidate.names) == 1:
            groups[candidate.code, candidate.title].setdefault(candidate.names[0], trial)
    for group in groups.values():
        if len(group) > 1:
            gradients = {n: array for trial in group.values() for n, array in trial.gradients.items()}
            yield Trial(_joined(case, {n: trial.candidate for n, trial in group.items()}), gradients)


def _joined(case: Case, candidates: Mapping[str, Candidate]) -> Candidate:
    ways = {n: c.transform for n, c in candidates.items() if c.transform is not None}
    helps = [[_of_each(line, case.called(n)) for line in c.help] for n, c in candidates.items()]
    if any(lines != helps[0] for lines in helps):
        helps = [list(c.help) for c in candidates.values()]
    first = next(iter(candidates.values()))
    return replace(
        first,
        names=tuple(candidates),
        transform=functools.partial(_each, ways=ways),
        help=tuple(dict.fromkeys(line for lines in helps for line in lines)),
        detail=first.detail if all(c.detail == first.detail for c in candidates.values()) else (),
    )


def _of_each(line: str, called: str) -> str:
    return re.sub(rf"(?<![\w.]){re.escape(called)}(?![\w.])", "each of them", line)


def _each(case: Case, name: str, true: Array, ways: Mapping[str, Transform]) -> Array | None:
    return ways[name](case, name, true)
