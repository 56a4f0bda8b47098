"""What was done to a gradient array: scaled, negated, transposed, flipped, shifted, cut to one sample."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis.factors import factor
from gradcheck.difference import norm, relative_error
from gradcheck.report import Finding, Severity
from gradcheck.witnesses.subject import Array

__all__ = ["Change", "explain"]

_EXACT = 1e-6


@dataclass(frozen=True)
class Change:
    """One way to be wrong: what the true gradient turns into, how to say it in full and in short, how to mend it.

    Without help it is an observation: it describes the difference exactly, but it has no known reason.
    """

    code: str
    says: str
    short: str
    array: Array
    help: str


def explain(
    yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object, layer: str = ""
) -> list[Finding]:
    """The one change that turns ``true`` into ``yours`` to rounding, as a finding; an empty list where none does.

    The changes that were ruled out are named from the nearest to the farthest.
    """
    if not (np.all(np.isfinite(yours)) and np.all(np.isfinite(true))):
        return []
    yours, true = yours.astype(np.float64), true.astype(np.float64)
    left = [
        (relative_error(change.array, yours), change)
        for change in _changes(yours, true, name, inputs, upstream)
        if change.array.shape == yours.shape
    ]
    if not left:
        return []
    left.sort(key=lambda pair: pair[0])
    rest, best = left[0]
    if rest > _EXACT:
        return []
    severity: Severity = "error" if best.help else "info"
    return [
        Finding(
            best.code,
            severity,
            f"{name} is {best.says}",
            layer,
            name,
            evidence=(f"with that one change the true gradient equals yours to {max(rest, 1e-16):.0e}",),
            ruled_out=tuple(change.short for r, change in left[1:] if r > _EXACT),
            help=(best.help,) if best.help else (),
        )
    ]


def _changes(yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object) -> Iterator[Change]:
    yield Change("GC202", "the negative of the true gradient", "its negative", -true, "change the sign")
    if not np.any(yours):
        help_ = "nothing reaches it: it is not computed, or is overwritten"
        yield Change("GC205", "zero", "zero", np.zeros_like(true), help_)
    yield from _transposed(true)
    yield from _flipped(true)
    yield from _ratio(yours, true, name, inputs, upstream)


def _ratio(yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object) -> Iterator[Change]:
    length = norm(true)
    if yours.shape != true.shape or length == 0 or yours.size < 2:
        return  # a single number is a multiple of any other: that explains nothing
    ratio = float(np.vdot(true / length, yours / length))
    if not 1e-9 < abs(ratio) < 1e9 or abs(abs(ratio) - 1) < 1e-5:
        return
    told = factor(ratio, name, inputs, upstream)
    says = f"{told.shown} times the true gradient{told.meaning}"
    yield Change("GC201", says, "a constant factor", ratio * true, told.help)


def _transposed(true: Array) -> Iterator[Change]:
    if true.ndim == 2:
        help_ = "swap the two factors, or transpose the result"
        yield Change("GC203", "the transpose of the true gradient", "its transpose", true.T, help_)
        turned = true.T.reshape(true.shape)
        says = "reshaped where a transpose was meant"
        yield Change("GC203", says, says, turned, "use .T in place of reshape")
    elif 2 < true.ndim <= 4:
        for axes in itertools.permutations(range(true.ndim)):
            if axes != tuple(range(true.ndim)):
                says = f"axes permuted to {axes}"
                yield Change(
                    "GC203", f"the true gradient with {says}", says, true.transpose(axes), "permute the axes back"
                )


def _flipped(true: Array) -> Iterator[Change]:
    axes = [k for k, n in enumerate(true.shape) if n > 1]
    for count in range(1, min(len(axes), 4) + 1):
        for chosen in itertools.combinations(axes, count):
            rotated = count == 2 and chosen == tuple(axes[-2:])
            which = " and ".join(str(a) for a in chosen)
            says = f"flipped along ax{'e' if count > 1 else 'i'}s {which}"
            full = f"the true gradient {says} (rotated by 180°)" if rotated else f"the true gradient {says}"
            help_ = "flip neither the input nor the delta here"
            yield Change("GC204", full, "rotated by 180°" if rotated else says, np.flip(true, chosen), help_)
