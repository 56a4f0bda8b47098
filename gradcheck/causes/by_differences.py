"""What explains a gradient that numeric differences alone know: of a forward that cannot be followed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import EXACT, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import nearest_multiple, norm
from gradcheck.report import GradientResult
from gradcheck.state import own_generator, random_direction
from gradcheck.witnesses.derivative import Estimate

__all__ = ["known_by_differences"]

_MOST = 256  # entries of all gradients that are looked at one by one
_PATIENCE = 8.0  # seconds that this may take, as a search
_ASKED = 3  # directions along which a larger one is asked whether it is a multiple of the true one
_DIGITS = 1e-8  # of a typical entry, to which differences are asked for it
_WIDEST = 1e-4  # the bars of all entries together, relative to the gradient
_SIMPLE = 1000  # the largest denominator of a factor that somebody wrote


def known_by_differences(evidence: Evidence, gradients: Sequence[GradientResult]) -> Case | None:
    """The gradients of ``gradients`` that only differences can check, and the true ones: entry by entry.

    Of more than so many entries it is the multiple of yours that a few random directions tell, if there is one. The
    right gradients are in it as they are. None where nothing is known of any of the wrong ones.
    """
    if evidence.subject.witnesses == "two":
        return None  # of a module yours is what autograd makes of it: no cause is looked for
    yours = {n: g.astype(np.float64) for n, g in evidence.yours.gradients.items() if g is not None}
    yours = {n: g for n, g in yours.items() if n in evidence.values and _is_usable(g, evidence.values[n])}
    right = {r.of for r in gradients if r.verdict == "right"}
    # where few entries are wrong they are listed, with that as the reason: no change of the whole makes those
    unlisted = [r.of for r in gradients if r.verdict == "wrong" and r.compared_with == "numeric" and not r.reason]
    wrong = [name for name in unlisted if name in yours]
    true, rounding = {n: yours[n] for n in yours if n in right}, {}
    few = sum(yours[n].size for n in wrong) <= _MOST
    for name in wrong:
        found = _entry_by_entry(evidence, name, yours[name]) if few else None
        found = found or _multiple(evidence, name, yours[name])
        if found is not None:
            true[name], rounding[name] = found
    if not rounding:
        return None
    names = {r.of: r.name for r in gradients}
    told = {n: g for n, g in yours.items() if n in true}
    return Case(None, evidence.values, evidence.upstreams, told, true, rounding, names)


def _is_usable(given: Array, value: Array) -> bool:
    return given.shape == value.shape and bool(np.all(np.isfinite(given)))


def _entry_by_entry(evidence: Evidence, name: str, yours: Array) -> tuple[Array, float] | None:
    """The true gradient and the 2-norm of its error; where an entry of yours is within the bar it is true.

    One step an entry is enough: what explains yours to rounding says that it was no bad one. None where the bars are
    too wide, or the forward too slow.
    """
    end = time.monotonic() + _PATIENCE
    typical, size = norm(yours) / math.sqrt(max(yours.size, 1)) or 1.0, evidence.numeric.size(name)
    true, errors = np.empty(yours.shape), np.empty(yours.shape)
    for index in np.ndindex(yours.shape):
        if time.monotonic() > end:
            return None
        way = np.zeros(yours.shape)
        way[index] = 1.0
        told = evidence.numeric.along({name: way}, 0.0, scale=size, once=True)
        told = Estimate(told.value / size, told.error / size)
        here = float(yours[index])
        true[index] = here if told.fits(here, _DIGITS * typical) else told.value
        errors[index] = told.error
    error = norm(errors)
    length = max(norm(yours), norm(true))
    # bars wider than that would let anything explain it
    return (true, error if error > 0.1 * EXACT * length else 0.0) if error <= _WIDEST * length else None


def _multiple(evidence: Evidence, name: str, yours: Array) -> tuple[Array, float] | None:
    """Yours divided by what it is a multiple by, where every direction asked says the same."""
    rng, pairs, bars = own_generator(3), [], []
    length = norm(yours)
    for _ in range(_ASKED if length else 0):
        way = random_direction(rng, yours.shape)
        way = way / norm(way)
        told = evidence.numeric.along_unit(name, way, _DIGITS * length / math.sqrt(yours.size))
        pairs.append((float(np.vdot(way, yours)), told.value))
        bars.append(told.error)
    given, wanted = (np.array(column) for column in zip(*pairs, strict=True)) if pairs else (np.zeros(1), np.zeros(1))
    ratio = nearest_multiple(wanted, given) if np.all(np.isfinite(wanted)) else None
    if not ratio or np.any(np.abs(given - ratio * wanted) > abs(ratio) * np.array(bars) + EXACT * norm(given)):
        return None
    written = Fraction(ratio).limit_denominator(_SIMPLE)
    near = abs(float(written) - ratio) <= EXACT * abs(ratio)
    return yours / (float(written) if near else ratio), 0.0
