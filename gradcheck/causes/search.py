"""The search: from the likeliest change to the least, until yours is predicted to rounding or the budget is spent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from gradcheck.causes.candidate import Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.catalogue import ARRAYS, LINES, PARTS, PIECES
from gradcheck.causes.confirm import holds
from gradcheck.causes.fresh import fresh_cases
from gradcheck.causes.lines.other_function import PieceSpot
from gradcheck.causes.places import pieces_of, places_of
from gradcheck.causes.spot import Spot, Trial
from gradcheck.causes.stage import Stage

__all__ = ["Explanation", "search"]

_DEEPEST = 4
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
    confirmed: int = 0
    """In how many fresh cases it holds as well."""


def search(case: Case, wrong: Sequence[str]) -> list[Explanation]:
    """What explains the gradients of ``wrong``, one explanation a fault; what nothing explains is in none of them."""
    stage, fresh = Stage(case, (), tuple(wrong)), list(fresh_cases(case))
    found: list[Explanation] = []
    explained: set[str] = set()
    for _ in range(_DEEPEST):
        left = tuple(n for n in stage.unexplained if n not in explained)
        if not left:
            break
        best = _best(stage, left, fresh)
        if best is None:
            break
        found.append(best)
        explained |= set(best.names)
        last = best.stack[-1]
        if last.changes is not None:
            stage = Stage(case, best.stack, tuple(wrong))
    return found


def _best(stage: Stage, left: Sequence[str], fresh: Sequence[Case]) -> Explanation | None:
    case = stage.case
    exact: list[tuple[Trial, tuple[str, ...]]] = []
    rest: list[tuple[Candidate, float]] = []
    for trial in _trials(stage, left):
        names = tuple(n for n in left if n in trial.candidate.names and n in trial.gradients)
        hit = tuple(n for n in names if case.explains(n, trial.gradients[n]))
        if hit:
            exact.append((trial, hit))
        else:
            rest.append((trial.candidate, _left(stage, trial, names)))
    exact.sort(key=lambda pair: (-len(pair[1]), pair[0].candidate.cost))
    rest.sort(key=lambda pair: pair[1])
    for k, (trial, hit) in enumerate(exact):
        stack = (*stage.base, trial.candidate)
        if holds(stack, hit, fresh) is False:
            rest.insert(0, (trial.candidate, 1.0))
            continue
        equal = (t.candidate for t, h in exact[k + 1 :] if h == hit and _is_rival(t.candidate, trial.candidate))
        others = [c for c in itertools.islice(equal, _EQUAL) if holds((*stage.base, c), hit, fresh) is not False]
        left_over = max(case.off(n, trial.gradients[n]) for n in hit)
        return Explanation(hit, stack, left_over, rest, others, len(fresh))
    return None


def _is_rival(other: Candidate, best: Candidate) -> bool:
    """Whether a change that predicts the same is worth naming: another kind or line, and no more far-fetched."""
    return (other.code, other.where) != (best.code, best.where) and other.cost <= best.cost + _DEARER


def _left(stage: Stage, trial: Trial, names: Sequence[str]) -> float:
    """The share of the difference that a change leaves, in the gradient where it leaves most."""
    shares = []
    for n in names:
        before = stage.case.off(n, stage.prediction[n])
        shares.append(stage.case.off(n, trial.gradients[n]) / before if before else 0.0)
    return max(shares, default=1.0)


def _trials(stage: Stage, left: Sequence[str]) -> Iterator[Trial]:
    case = stage.case
    for name in left:
        for family in ARRAYS:
            for candidate in family(stage, name):
                assert candidate.transform is not None
                turned = candidate.transform(case, name, stage.prediction[name])
                if turned is not None:
                    yield Trial(candidate, {name: turned})
    if case.recording is None:
        return
    spots = [Spot(stage, place) for place in places_of(case.recording)]
    for spot in (s for s in spots if s.matters()):
        for part in (spot, *spot.inputs()):
            for line in LINES if part.is_suspect() else PARTS if part.matters() else ():
                yield from line(part)
    for piece in pieces_of(case.recording):
        around = PieceSpot(stage, piece)
        if around.gates and around.is_suspect():
            for line in PIECES:
                yield from line(around)
