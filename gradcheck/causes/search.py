"""The search: from the likeliest change to the least, until yours is predicted to rounding or the budget is spent."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck.causes.attempt import attempted, worked_out
from gradcheck.causes.candidate import Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.confirm import holds
from gradcheck.causes.fresh import Fresh
from gradcheck.causes.pairs import pairs
from gradcheck.causes.spot import Trial
from gradcheck.causes.stage import Stage
from gradcheck.causes.tiers import FREE, tiers

__all__ = ["BUDGET", "Explanation", "search"]

BUDGET = 600  # evaluations of the reference
_LARGE = 100_000  # numbers, from which on fewer evaluations are made
_LEAST = 40
_SECONDS = 8.0  # after which nothing more is tried, where no budget was given
_DEEPEST = 4  # faults one above the other
_DEARER = 0.15
_EQUAL = 5  # of those that predict the same as the best, so many are tried on fresh cases


@dataclass(eq=False)
class Explanation:
    """What explains the gradients of ``names`` to rounding: the last of ``stack``, on top of those before it."""

    names: tuple[str, ...]
    stack: tuple[Candidate, ...]
    left: float
    """The largest ‖yours - predicted‖ / ‖yours‖ over them."""
    ruled_out: list[tuple[Candidate, float]] = field(default_factory=list)
    """Other changes, and how much of the difference each leaves, the strongest first."""
    others: list[Candidate] = field(default_factory=list)
    """Changes that predict the same, also in the fresh cases."""
    confirmed: bool = False
    """Whether it holds at other values as well."""
    resized: bool = False
    """Whether it holds for another batch size as well."""


def search(case: Case, wrong: Sequence[str], budget: int | None = None) -> list[Explanation]:
    """What explains the gradients of ``wrong``, one explanation a fault; what nothing explains is in none of them.

    ``budget`` is how many evaluations of the reference may be made (default: :data:`BUDGET`, fewer where one costs
    much, and none after some seconds). When it is spent, or on Ctrl-C, what was found so far is returned.
    """
    end = math.inf if budget is not None else time.monotonic() + _SECONDS
    if budget is None:
        entries = sum(v.size for v in case.values.values()) + sum(np.size(u) for u in case.upstreams)
        budget = max(_LEAST, int(BUDGET * min(1.0, _LARGE / max(entries, 1))))
    if budget == 0:
        return []

    def is_spent() -> bool:
        return case.evaluations > budget or time.monotonic() > end

    found: list[Explanation] = []
    explained: set[str] = set()
    try:
        stage, fresh = Stage(case, (), tuple(wrong)), Fresh(case)
        for _ in range(_DEEPEST):
            left = tuple(n for n in stage.unexplained if n not in explained)
            if not left:
                break
            best = worked_out(functools.partial(_best, stage, left, fresh, is_spent), otherwise=None)
            if best is None:
                break
            found.append(best)
            explained |= set(best.names)
            if best.stack[-1].transform is None:
                stage = Stage(case, best.stack, tuple(wrong))
    except KeyboardInterrupt:
        if not found:
            raise
    return found


def _best(stage: Stage, left: Sequence[str], fresh: Fresh, is_spent: Callable[[], bool]) -> Explanation | None:
    """The change that explains most of ``left``, the least far-fetched among equals."""
    case = stage.case
    exact: list[tuple[Trial, tuple[str, ...]]] = []
    rest: list[tuple[Candidate, float]] = []
    best: Explanation | None = None
    for number, tier in enumerate(
        itertools.chain(attempted(tiers, stage, left), [attempted(pairs, stage, left, rest)])
    ):
        for trial in tier:
            names = tuple(n for n in left if n in trial.candidate.names and n in trial.gradients)
            hit = tuple(n for n in names if case.explains(n, trial.gradients[n]))
            if hit:
                exact.append((trial, hit))
            else:
                rest.append((trial.candidate, _left(stage, trial, names)))
            if number >= FREE and is_spent():
                break
        best = _chosen(stage, exact, rest, fresh)
        done = best is not None and best.names == tuple(left) and not best.stack[-1].is_remark
        if done or (number >= FREE - 1 and is_spent()):
            break
    return best


def _chosen(
    stage: Stage,
    exact: list[tuple[Trial, tuple[str, ...]]],
    rest: list[tuple[Candidate, float]],
    fresh: Fresh,
) -> Explanation | None:
    """The best of what explains something to rounding, if it holds in the fresh cases too."""
    exact.sort(key=lambda pair: (-len(pair[1]), pair[0].candidate.cost))
    rest.sort(key=lambda pair: pair[1])
    for trial, hit in list(exact):
        stack = (*stage.base, trial.candidate)
        if holds(stack, hit, fresh) is False:
            exact.remove((trial, hit))
            rest.insert(0, (trial.candidate, 1.0))
            continue
        equal = (
            t.candidate for t, h in exact if h == hit and t is not trial and _is_rival(t.candidate, trial.candidate)
        )
        others = [c for c in itertools.islice(equal, _EQUAL) if holds((*stage.base, c), hit, fresh) is not False]
        left = max(stage.case.off(n, trial.gradients[n]) for n in hit)
        return Explanation(hit, stack, left, list(rest), others, bool(fresh.cases), _resized(stage.case, fresh.cases))
    return None


def _resized(case: Case, fresh: Sequence[Case]) -> bool:
    return any(f.values[n].shape != v.shape for f in fresh for n, v in case.values.items()) or any(
        np.shape(u) != np.shape(v) for f in fresh for u, v in zip(f.upstreams, case.upstreams, strict=True)
    )


def _is_rival(other: Candidate, best: Candidate) -> bool:
    """Whether a change that predicts the same is worth naming: another kind or line, and no more far-fetched."""
    return (other.code, other.where) != (best.code, best.where) and other.cost <= best.cost + _DEARER


def _left(stage: Stage, trial: Trial, names: Sequence[str]) -> float:
    """The share of the difference that a change leaves, in the gradient where it leaves most."""
    case = stage.case
    return max((case.share_left(n, trial.gradients[n], stage.prediction[n]) for n in names), default=1.0)
