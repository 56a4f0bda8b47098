"""What is tried, in tiers: the cheapest and likeliest first, each tier whole, so that equals are seen side by side."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradcheck.causes import other_inputs, points
from gradcheck.causes.arrays.multiple import multiples
from gradcheck.causes.attempt import attempted, worked_out
from gradcheck.causes.candidate import Candidate
from gradcheck.causes.catalogue import ALSO_ARRAYS, ARRAYS, LINES, MORE_ARRAYS, OPERANDS, PARTS, ArrayFamily
from gradcheck.causes.lines import another_axis, other_function
from gradcheck.causes.lines.other_function import PieceSpot
from gradcheck.causes.places import pieces_of, places_of
from gradcheck.causes.spot import Spot, Trial
from gradcheck.causes.stage import Stage
from gradcheck.causes.together import together

__all__ = ["FREE", "arrays_on_top", "tiers"]

FREE = 2  # so many of the tiers evaluate nothing: they change arrays alone


def tiers(stage: Stage, left: Sequence[str]) -> Iterator[Iterator[Trial]]:
    """The tiers of a search for what makes the gradients of ``left`` wrong."""
    yield _arrays(stage, left, ARRAYS)
    yield _arrays(stage, left, MORE_ARRAYS)
    recording = stage.case.recording
    if recording is None:
        yield _arrays(stage, left, ALSO_ARRAYS)
        return
    places = [spot for spot in (Spot(stage, place) for place in places_of(recording)) if _matters(spot)]
    spots = [part for spot in places for part in (spot, *spot.inputs()) if _matters(part)]
    suspects = [spot for spot in spots if spot.is_suspect()]
    pieces = [spot for spot in (PieceSpot(stage, piece) for piece in pieces_of(recording)) if _matters(spot)]
    around = [spot for spot in pieces if spot.is_suspect()]
    yield itertools.chain(
        (trial for spot in suspects for family in LINES for trial in attempted(family, spot)),
        (trial for spot in [*suspects, *around] for trial in attempted(other_function.left_out, spot)),
        (
            trial
            for spot in [*spots, *pieces]
            if not spot.is_suspect()
            for family in PARTS
            for trial in attempted(family, spot)
        ),
        attempted(_points, stage),
        _arrays(stage, left, ALSO_ARRAYS),
    )
    around.sort(key=lambda spot: (-spot.piece.named_ends, -len(spot.piece.sites)))
    named = [spot for spot in around if spot.piece.named_ends]
    yield itertools.chain(
        (trial for spot in named for trial in attempted(another_axis.trials, spot)),
        (trial for spot in [*suspects, *named] for trial in attempted(other_function.replaced, spot)),
        (trial for spot in suspects for family in OPERANDS for trial in attempted(family, spot)),
    )
    rest = [spot for spot in around if not spot.piece.named_ends]
    yield itertools.chain(
        (trial for spot in rest for trial in attempted(another_axis.trials, spot)),
        (trial for spot in rest for trial in attempted(other_function.replaced, spot)),
    )


def _matters(spot: Spot) -> bool:
    return worked_out(spot.matters, otherwise=False)


def arrays_on_top(stage: Stage, left: Sequence[str]) -> Iterator[Trial]:
    """Changes of the gradient arrays alone, on top of what ``stage`` predicts."""
    yield from _arrays(stage, left, ARRAYS)


def _arrays(stage: Stage, left: Sequence[str], families: Sequence[ArrayFamily]) -> Iterator[Trial]:
    """Changes of one gradient array each, then those that are the same in several."""
    exact = []
    for name in left:
        for trial in _of_one(stage, name, families):
            yield trial
            if stage.case.explains(name, trial.gradients[name]):
                exact.append(trial)
    yield from together(stage.case, exact)


def _of_one(stage: Stage, name: str, families: Sequence[ArrayFamily]) -> Iterator[Trial]:
    """Every change of one gradient array, and a multiple of it where that fits."""
    for candidate in (c for family in families for c in attempted(family, stage, name)):
        trial = worked_out(functools.partial(_made, stage, name, candidate), otherwise=None)
        if trial is None:
            continue
        yield trial
        for multiple in multiples(stage, candidate, trial.gradients[name]):
            scaled = _made(stage, name, multiple)
            if scaled is not None:
                yield scaled


def _made(stage: Stage, name: str, candidate: Candidate) -> Trial | None:
    assert candidate.transform is not None  # what makes it a change of arrays
    found = {n: candidate.transform(stage.case, n, stage.prediction[n]) for n in candidate.names}
    made = {n: array for n, array in found.items() if array is not None}
    return Trial(candidate, made) if name in made else None


def _points(stage: Stage) -> Iterator[Trial]:
    for candidate in itertools.chain(points.candidates(stage), other_inputs.candidates(stage)):
        assert candidate.evaluate is not None  # what makes it one of these
        found = candidate.evaluate(stage.case)
        if found is None:
            continue
        # a backward may take one thing otherwise for one gradient, and rightly for another
        names = tuple(n for n in stage.differing(found) if n in stage.unexplained)
        if names:
            yield Trial(replace(candidate, names=names), found)
