"""What the rounding of recorded arrays does to gradients that are right."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.difference import norm
from gradcheck.examine import Examination
from gradcheck.recordings.digits import Digits, digits_of
from gradcheck.recordings.files import Array
from gradcheck.recordings.roles import Recording
from gradcheck.witnesses.subject import Subject

__all__ = ["Rounding", "rounding_of", "told_of"]

_DRAWS = 4
_FLOAT32 = 24  # bits
# Times what rounding makes at random. Printed numbers were computed with more digits than they have; those of a lower
# precision may have been rounded on the way too, which PyTorch's own run in float32 is the measure of.
_SLACK, _ON_THE_WAY = 4.0, 16.0
_INPUTS_ALONE = 5
"""Inputs with fewer digits than that were chosen so, if the gradients carry all of theirs."""
_TOLD_APART = 1e-4
"""Of a gradient: where rounding is larger, a factor of 1/6 may pass for a clipped gradient, or a sample left out."""


class Rounding:
    """The digits of one recording's arrays."""

    def __init__(self, told: Digits, gradients: Digits | None, inputs: Mapping[str, Digits], upstream: Digits | None):
        self.told, self.gradients, self.inputs, self.upstream = told, gradients, inputs, upstream
        self.lengths: dict[str, float] = {}
        """The norms of the true gradients, once they were taken."""

    def of_gradients(self, subject: Subject, names: Mapping[str, str], upstreams: Sequence[Array]) -> dict[str, float]:
        """The 2-norm of what rounding makes of each gradient; ``names`` are what the subject calls the inputs.

        The true gradients are taken at inputs and an upstream gradient that are moved at random by as much as rounding
        moved those that were recorded; their own rounding comes on top.
        """
        values = {n: v.astype(np.float64) for n, v in subject.values().items()}
        true = subject.autograd(values, upstreams).gradients or {}
        self.lengths = {n: norm(g) for n, g in true.items()}
        rng = np.random.default_rng(0)
        squares: dict[str, float] = dict.fromkeys(true, 0.0)
        digits = {names[n]: d for n, d in self.inputs.items() if n in names}
        for _ in range(_DRAWS):
            moved = {n: _moved(v, digits.get(n), rng) for n, v in values.items()}
            found = subject.autograd(moved, [_moved(u, self.upstream, rng) for u in upstreams]).gradients or {}
            for n, g in true.items():
                own = _moved(g, self.gradients, rng)
                squares[n] += norm(found[n] - g) ** 2 + norm(own - g) ** 2 if n in found else 0.0
        computed = self._computed(subject, values, upstreams, true) if self.told.kind == "bits" else {}
        return {
            n: _SLACK * math.sqrt(square / _DRAWS) + _ON_THE_WAY * computed.get(n, 0.0) for n, square in squares.items()
        }

    def _computed(
        self, subject: Subject, values: Mapping[str, Array], upstreams: Sequence[Array], true: Mapping[str, Array]
    ) -> dict[str, float]:
        """What computing in the lower precision makes of each gradient: proportional to its rounding unit."""
        low = {n: v.astype(np.float32) for n, v in values.items()}
        single = subject.autograd(low, upstreams, "native").gradients or {}
        return {n: 2.0 ** (_FLOAT32 - self.told.count) * norm(single[n] - g) for n, g in true.items() if n in single}

    def hides_causes(self, allowed: Mapping[str, float]) -> bool:
        """Whether so little can be told apart that more than one cause would explain a wrong gradient."""
        return any(size > _TOLD_APART * self.lengths[name] for name, size in allowed.items())


def rounding_of(recording: Recording) -> Rounding | None:
    """The digits that a recording was rounded to; None where it carries all."""
    gradients = digits_of(list(recording.gradients.values()))
    inputs = {n: found for n, a in recording.inputs.items() if (found := _digits(a, gradients)) is not None}
    upstream = None if recording.upstream is None else _digits(recording.upstream, gradients)
    known = [d for d in (gradients, *inputs.values(), upstream) if d is not None]
    if gradients is None:
        known = [d for d in known if d.kind == "significant" and d.count >= _INPUTS_ALONE]
        inputs = {n: d for n, d in inputs.items() if d in known}
        upstream = upstream if upstream in known else None
    return Rounding(known[0], gradients, inputs, upstream) if known else None


def told_of(found: Examination, rounding: Rounding, allowed: Mapping[str, float]) -> Examination:
    """The examination with what was allowed for rounding on its rows, and a note on what cannot be seen for it."""
    evidence, shares = found.evidence, []
    for k, row in enumerate(found.gradients):
        given, true = evidence.yours.gradients.get(row.of), evidence.autograd.get(row.of)
        if row.of not in allowed or true is None or given is None or given.shape != true.shape or not norm(true):
            continue
        share = allowed[row.of] / norm(true)
        shares.append(share)
        if row.verdict == "right" and row.relative_error is None:
            why = f"the difference is that of {rounding.told}"
            error = norm(given - true) / norm(true)
            found.gradients[k] = replace(row, reason=why, relative_error=error, limit=share)
    if shares:
        unseen = f"errors below {max(shares):.0e} of a gradient cannot be seen"
        untold = ", and no cause is looked for in so few" if max(shares) > _TOLD_APART else ""
        found.notes.append(f"the recorded arrays carry {rounding.told}: {unseen}{untold}")
    return found


def _digits(array: Array, otherwise: Digits | None) -> Digits | None:
    if array.dtype.kind != "f" or np.array_equal(array, np.rint(array)):
        return None
    return digits_of([array]) or (otherwise if otherwise is not None and otherwise.fits(array) else None)


def _moved(array: Array, digits: Digits | None, rng: np.random.Generator) -> Array:
    wide = array.astype(np.float64)
    return wide if digits is None else wide + digits.half_units(array) * rng.uniform(-1, 1, array.shape)
