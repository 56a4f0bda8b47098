"""Other values: a gradient that is right at γ = 1, h₀ = 0, W = Wᵀ or for this batch size only is not right."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.witnesses.batch import one_sample_fewer
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.patience import at_most, once_more

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array, Values

__all__ = [
    "Elsewhere",
    "is_constant",
    "moved_within",
    "ordinary_values",
    "right_at_ordinary_values",
    "told_at",
    "wrong_among",
    "wrong_at_both_signs",
    "wrong_elsewhere",
]

_LIMIT = 1e-6
# Seconds that a forward may take at values it was not given; there are at most four such runs in a check.
_PATIENCE = 2.0


@dataclass(frozen=True)
class Elsewhere:
    """Where a gradient that is right at the given inputs is wrong."""

    where: str
    relative_error: float
    values: Values
    upstreams: Sequence[Array]
    """The point at which it is wrong."""


def wrong_elsewhere(evidence: Evidence) -> dict[str, Elsewhere]:
    """The gradients that are wrong at other values, and at other values with one sample fewer, by name.

    Everything is moved by as much as its own size, so that nothing stays zero, one or symmetric, and what has both
    signs mixes them otherwise; where the forward does not accept that (a logarithm), by a fifth of itself. Evaluated in
    float64. Only what numeric differences confirm is named.
    """
    if not _can_be_asked(evidence):
        return {}
    wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    noise = {n: np.asarray(evidence.rng.standard_normal(v.shape)) for n, v in wide.items()}
    bold = {n: moved_within(v, noise[n]) for n, v in wide.items()}
    careful = {n: v * (1 + 0.2 * np.tanh(noise[n])) for n, v in wide.items()}
    upstreams, where = [u.astype(np.float64) for u in evidence.upstreams], "at other values of its arrays"
    if evidence.subject.upstream == "any" and all(is_constant(u) for u in upstreams):
        # one that is the same everywhere hides sums over the wrong axis, and rows in another order
        upstreams = [np.asarray(evidence.rng.standard_normal(u.shape)) for u in upstreams]
        where += " and of the upstream gradient"
    for moved in (bold, careful):
        found = _wrong_at(evidence, moved, upstreams, where)
        if found is None:
            continue
        evidence.moved = True
        if found:
            return found
        for cut in one_sample_fewer(evidence.subject.variables, moved, evidence.yours.outputs, upstreams):
            found = _wrong_at(evidence, *cut, "with one sample fewer in the batch")
            if found is not None:
                return found
        return {}
    return {}


def wrong_at_both_signs(evidence: Evidence, one_sided: Sequence[str]) -> dict[str, Elsewhere]:
    """The gradients that are wrong where about half of the entries of ``one_sided`` have the other sign."""
    if not _can_be_asked(evidence):
        return {}
    turned = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    for n in one_sided:
        turned[n] = turned[n] * evidence.rng.choice([-1.0, 1.0], turned[n].shape)
    upstreams = [u.astype(np.float64) for u in evidence.upstreams]
    return _wrong_at(evidence, turned, upstreams, "at both signs") or {}


def right_at_ordinary_values(evidence: Evidence, name: str) -> bool:
    """Whether the gradient is right, and no mere rounding, at values of size one: it is the inputs that lose digits."""
    if not _can_be_asked(evidence):
        return False
    rng, ordinary = evidence.rng, ordinary_values(evidence)
    upstreams = [np.asarray(rng.standard_normal(u.shape)) for u in evidence.upstreams]
    if evidence.subject.upstream == "one":
        upstreams = [np.ones(u.shape) for u in evidence.upstreams]
    told = told_at(evidence, ordinary, upstreams)
    if told is None or name not in told:
        return False
    given, true = told[name]
    loudest = max((norm(u) for u in upstreams), default=0.0)
    return norm(true) > 1e-6 * loudest and relative_error(given, true) <= _LIMIT


def ordinary_values(evidence: Evidence, scale: float = 1.0) -> dict[str, Array]:
    """Fresh values of size ``scale``, of these shapes; what has one sign keeps it, and stays within 1."""
    rng, ordinary = evidence.rng, {}
    for n, v in evidence.values.items():
        drawn = scale * np.asarray(rng.standard_normal(v.shape))
        if np.any(v) and not (v.min(initial=0.0) < 0 < v.max(initial=0.0)):
            drawn = np.sign(np.sum(v)) * (0.1 + 0.8 * np.asarray(rng.random(v.shape)))
        ordinary[n] = drawn
    return ordinary


def is_constant(value: Array) -> bool:
    """Whether several entries are all equal; of most arrays the first few tell that they are not."""
    few = value.flat[:8]
    return value.size > 1 and bool(np.ptp(few) == 0) and bool(np.ptp(value) == 0)


def _can_be_asked(evidence: Evidence) -> bool:
    subject = evidence.subject
    leaked = not evidence.autograd or bool(evidence.reference.leaks)
    return subject.witnesses != "two" and not leaked and subject.calls_backward


def moved_within(value: Array, noise: Array) -> Array:
    """``value`` moved by its own size, but not out of [0, 1], [-1, 1] or its sign where it lies within.

    A probability that becomes -0.3 is not another value of a probability: it meets the clip in front of a logarithm,
    which no backward has to know of. An array of equal entries (ones, zeros) says nothing about its domain.
    """
    if not np.any(value):
        return noise
    low, high = value.min(), value.max()
    size = float(np.sqrt(np.mean(np.square(value))))
    if np.ptp(value) == 0:
        return np.asarray(value * (1 + 0.5 * np.tanh(noise)))
    if low < 0 < high:
        moved = value + size * noise
        return np.where(np.abs(moved) <= 1, moved, value) if max(-low, high) <= 1 else moved
    if np.all((value == 0) | (np.abs(value) == 1)):
        return value + size * noise  # an identity matrix, or a mask
    room = np.minimum(np.abs(value), 1 - np.abs(value)) if max(-low, high) <= 1 else np.abs(value)
    return np.asarray(value + 0.5 * np.tanh(noise) * room)


def told_at(evidence: Evidence, values: Values, upstreams: Sequence[Array]) -> dict[str, tuple[Array, Array]] | None:
    """Your gradients and autograd's at ``values``, by name; None where nothing can be said there."""
    try:
        started = time.monotonic()
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            yours = evidence.subject.yours(values, list(upstreams))
        if any(o.shape != u.shape for o, u in zip(yours.outputs, upstreams, strict=True)):
            return None
        with np.errstate(all="ignore"), once_more(_PATIENCE, started):
            reference = evidence.subject.autograd(values, upstreams)
    except Exception:
        return None
    if reference.gradients is None or reference.leaks or not all(np.all(np.isfinite(o)) for o in yours.outputs):
        return None
    told = {}
    for name, true in reference.gradients.items():
        given = yours.gradients.get(name)
        if given is None or given.size != true.size or name not in evidence.values:
            continue
        if not (np.all(np.isfinite(true)) and np.all(np.isfinite(given))):
            return None
        told[name] = (given.reshape(true.shape), true)
    return told


def _wrong_at(
    evidence: Evidence, values: dict[str, Array], upstreams: Sequence[Array], where: str
) -> dict[str, Elsewhere] | None:
    """The gradients found wrong at ``values``; None where nothing can be said there."""
    told = told_at(evidence, values, upstreams)
    return None if told is None else wrong_among(evidence, told, values, upstreams, where)


def wrong_among(
    evidence: Evidence, told: dict[str, tuple[Array, Array]], values: Values, upstreams: Sequence[Array], where: str
) -> dict[str, Elsewhere]:
    """Those of the gradients ``told`` (yours and autograd's) at ``values`` that numeric differences say are wrong."""
    found = {}
    for name, (given, true) in told.items():
        error, apart = relative_error(given, true), given - true
        # a float32 buffer on the way rounds at each of the additions to it, whatever the inputs are
        eps = float(np.finfo(given.dtype).eps) if given.dtype.kind == "f" else 0.0
        if error <= max(_LIMIT, 4 * eps * math.sqrt(max(u.size for u in upstreams))) or norm(
            apart
        ) <= 1e-9 * evidence.zero_scale(name):
            continue
        unit = apart / norm(apart)
        with np.errstate(all="ignore"):
            probe = Numeric(evidence.subject, values, upstreams).along_unit(name, unit, 1e-3 * norm(apart))
        exact = float(np.vdot(unit, true))
        if probe.fits(exact, 1e-6 * norm(true)) and not probe.fits(exact + norm(apart)):
            found[name] = Elsewhere(where, error, values, upstreams)
    return found
