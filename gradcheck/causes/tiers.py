"""What is tried, in tiers: the cheapest and likeliest first, each tier whole, so that equals are seen side by side."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

from gradcheck.causes import points
from gradcheck.causes.catalogue import ARRAYS, LINES, OPERANDS, PARTS
from gradcheck.causes.lines import other_function
from gradcheck.causes.lines.other_function import PieceSpot
from gradcheck.causes.places import pieces_of, places_of
from gradcheck.causes.spot import Spot, Trial
from gradcheck.causes.stage import Stage

__all__ = ["tiers"]


def tiers(stage: Stage, left: Sequence[str]) -> Iterator[Iterator[Trial]]:
    """The tiers of a search for what makes the gradients of ``left`` wrong."""
    yield _arrays(stage, left)
    recording = stage.case.recording
    if recording is None:
        return
    places = [spot for spot in (Spot(stage, place) for place in places_of(recording)) if spot.matters()]
    spots = [part for spot in places for part in (spot, *spot.inputs()) if part.matters()]
    suspects = [spot for spot in spots if spot.is_suspect()]
    around = [spot for spot in (PieceSpot(stage, piece) for piece in pieces_of(recording)) if spot.is_suspect()]
    yield itertools.chain(
        (trial for spot in suspects for family in LINES for trial in family(spot)),
        (trial for spot in [*suspects, *around] for trial in other_function.left_out(spot)),
        (trial for spot in spots if not spot.is_suspect() for family in PARTS for trial in family(spot)),
        _points(stage),
    )
    yield itertools.chain(
        (trial for spot in [*suspects, *around] for trial in other_function.replaced(spot)),
        (trial for spot in suspects for family in OPERANDS for trial in family(spot)),
    )


def _arrays(stage: Stage, left: Sequence[str]) -> Iterator[Trial]:
    for name in left:
        for family in ARRAYS:
            for candidate in family(stage, name):
                assert candidate.transform is not None  # what makes it one of these
                turned = candidate.transform(stage.case, name, stage.prediction[name])
                if turned is not None:
                    yield Trial(candidate, {name: turned})


def _points(stage: Stage) -> Iterator[Trial]:
    for candidate in points.candidates(stage):
        assert candidate.evaluate is not None  # what makes it one of these
        found = candidate.evaluate(stage.case)
        if found is None:
            continue
        names = stage.differing(found)
        if names and set(names) <= set(stage.unexplained):
            yield Trial(replace(candidate, names=names), found)
