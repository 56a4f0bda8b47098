"""How far a right gradient may be off here: tolerances asked for, rounding in the dtype, rounding around a zero."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.second_point import right_at_ordinary_values
from gradcheck.difference import norm
from gradcheck.witnesses.subject import Array
from gradcheck.yardstick import FLOAT64_LIMIT, limit_for, rounding_floor

# A gradient smaller than this has lost digits in float32 for its size alone.
_FLOAT32_UNDERFLOWS = 1e-34

__all__ = [
    "Limits",
    "digits_are_lost",
    "entries_off",
    "formula_limit",
    "limit_of",
    "lowest",
    "rounding_unit",
    "within_floor",
]


@dataclass
class Limits:
    """What the caller asked for: tolerances, or None to let the yardstick rule; how long to look for causes."""

    rtol: float | None = None
    atol: float | None = None
    budget: int | None = None
    """Evaluations of the reference spent on naming the cause of a wrong gradient (None: as many as are worth it)."""
    power: float | None = None
    """The error in a single entry, as a share of a typical one, that must be caught."""


def limit_of(evidence: Evidence, name: str, true: Array, limits: Limits) -> float:
    if limits.rtol is not None:
        return limits.rtol
    dtype = lowest(evidence.values[name].dtype, evidence.yours.outputs)
    if dtype == np.float64:
        return limit_for(dtype, true, None, 0)
    native = evidence.native().get(name)
    terms = max(u.size for u in evidence.upstreams)
    return limit_for(dtype, true, native, terms)


def formula_limit(evidence: Evidence, name: str, true: Array, error: float) -> float:
    """float64's limit, or the limit of the precision of a buffer on the way where the error has that size."""
    if error <= FLOAT64_LIMIT:
        return FLOAT64_LIMIT
    dtype = lowest(evidence.values[name].dtype, evidence.yours.outputs)
    given = evidence.precise().get(name)
    # a buffer of the lower precision that is added to once a sample rounds as often
    terms = max(u.size for u in evidence.upstreams) if given is not None and given.dtype != np.float64 else 1
    return max(FLOAT64_LIMIT, limit_for(dtype, true, evidence.native().get(name), terms))


def lowest(dtype: np.dtype[np.floating], outputs: list[Array]) -> np.dtype[np.floating]:
    kinds = [dtype, *(o.dtype for o in outputs if o.dtype.kind == "f")]
    return max(kinds, key=_eps)


@functools.cache
def _eps(kind: np.dtype[np.floating]) -> float:
    return float(np.finfo(kind).eps)


def entries_off(evidence: Evidence, name: str, yours: Array, true: Array, limits: Limits) -> bool:
    """Whether single entries are wrong by a thousandth and more of themselves, however small beside the others.

    A row of a weight that belongs to an input in small units may be all wrong without showing in the norm. In float64
    there are digits enough to see it; what PyTorch itself rounds there in float32 says how much is excused.
    """
    dtype = lowest(evidence.values[name].dtype, evidence.yours.outputs)
    if dtype != np.float64 or limits.rtol is not None or limits.atol is not None:
        return False
    rounding = 1e-12 * evidence.length(true)
    if evidence.apart(yours, true) <= rounding:  # and so is each entry
        return False
    gap = np.abs(yours - true)
    off = (gap > 1e-3 * np.abs(true)) & (gap > rounding)
    if not np.any(off):
        return False
    single = evidence.single().get(name)
    return single is not None and bool(np.any(gap[off] > 1000 * 2.0**-29 * np.abs(single - true)[off]))


def within_floor(
    evidence: Evidence, name: str, yours: Array, true: Array, limits: Limits, formula: bool = False
) -> bool:
    """Whether the difference is mere rounding although the gradient is too small for a relative limit."""
    gap = norm(yours - true)
    if gap <= evidence.subject.gradient_rounding(name):
        return True
    if limits.atol is not None and gap <= limits.atol:
        return True
    if gap == 0 or limits.rtol is not None:
        return gap == 0
    eps = rounding_unit(evidence, name, formula)
    if gap > 1e4 * eps * max(evidence.zero_scale(name), norm(true)):
        return False
    native = evidence.single().get(name)
    if native is None:
        return False
    if gap <= rounding_floor(true, native, eps):
        return True
    # What is subtracted from one another on the way may be as large as the output per unit of the input.
    return gap <= 4 * eps * evidence.loudness() / evidence.numeric.size(name) and digits_are_lost(evidence, name, true)


def digits_are_lost(evidence: Evidence, name: str, true: Array) -> bool:
    """Whether the inputs are what makes this gradient small beside its rounding, so that a right one may be all noise.

    That shows where PyTorch itself loses it in float32 (a saturated softmax, a bias before a normalisation), or where
    the same backward is right at ordinary values (s(1 - s) of a saturated logistic, where PyTorch loses nothing).
    A gradient that is merely small, as of 1e-30 sin(x), has all its digits.
    """
    length = norm(true)
    if length == 0 or length > _FLOAT32_UNDERFLOWS:
        single = evidence.single().get(name)
        if single is not None and norm(single - true) > 1e-3 * length:
            return True
    return right_at_ordinary_values(evidence, name)


def rounding_unit(evidence: Evidence, name: str, formula: bool) -> float:
    """The rounding unit to hold a gradient to: float64's for the formula run in it, else the lowest dtype's."""
    given = evidence.precise().get(name) if formula else None
    dtype = lowest(evidence.values[name].dtype, evidence.yours.outputs)
    return float(np.finfo(np.float64 if given is not None and given.dtype == np.float64 else dtype).eps)
