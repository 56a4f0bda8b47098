"""Two changes at once, where none alone explains a gradient: those that explain most of it, with one another."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from gradcheck.causes.candidate import Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change
from gradcheck.causes.predict import predict
from gradcheck.causes.spot import Trial
from gradcheck.causes.stage import Stage
from gradcheck.causes.tiers import arrays_on_top

__all__ = ["pairs"]

_MOST = 8  # changes that are tried with one another
_SOME = 0.98  # of the difference, which a change must not leave to be worth it


def pairs(stage: Stage, left: Sequence[str], rest: Sequence[tuple[Candidate, float]]) -> Iterator[Trial]:
    """Lines with lines, then lines with changes of the array on top; ``rest`` begins with what leaves least."""
    chosen: dict[object, Candidate] = {}
    for candidate, leaves in rest:
        if leaves < _SOME and candidate.changes is not None and len(chosen) < _MOST:
            chosen.setdefault((candidate.code, candidate.where, candidate.short), candidate)
    for first, second in itertools.combinations(chosen.values(), 2):
        yield from _tried(stage, _both(first, second))
    for first in chosen.values():
        above = Stage(stage.case, (*stage.base, first), stage.wrong)
        for trial in arrays_on_top(above, left):
            both = _both(first, trial.candidate)
            yield Trial(both, {n: g for n, g in trial.gradients.items() if n in both.names})


def _tried(stage: Stage, candidate: Candidate) -> Iterator[Trial]:
    found = predict(stage.case, (*stage.base, candidate))
    if found is not None:
        yield Trial(candidate, {n: found[n] for n in candidate.names})


def _both(first: Candidate, second: Candidate) -> Candidate:
    """One candidate of two: the first is named first."""
    names = tuple(n for n in first.names if second.transform is None or n in second.names)
    return replace(
        first,
        title=f"{first.title}, and {second.title}",
        names=names if second.transform is not None else tuple(dict.fromkeys((*first.names, *second.names))),
        changes=functools.partial(_merged, first, second) if second.changes is not None else first.changes,
        transform=second.transform,
        detail=(*first.detail, *second.detail),
        help=(*first.help, *second.help),
        short=f"{first.called}, and {second.called}",
        cost=first.cost + second.cost,
        is_remark=second.is_remark,
    )


def _merged(first: Candidate, second: Candidate, case: Case) -> Mapping[int, Change] | None:
    assert first.changes is not None
    assert second.changes is not None
    one, other = first.changes(case), second.changes(case)
    # two changes at one operation are not two changes
    return None if one is None or other is None or set(one) & set(other) else {**one, **other}
