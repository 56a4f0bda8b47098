"""Below float64: whether a gradient that its reference excuses as rounding is off by as much where nothing rounds."""

from __future__ import annotations

import math

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import relative_error
from gradcheck.witnesses.subject import Array

__all__ = ["off_in_float64"]

# Units of rounding in which numbers that are kept in the lower precision may show, though the rest runs in float64.
_KEPT = 4.0
_SLACK, _LEAST = 64.0, 1e-6
_FACTOR = 1.2345  # no power of two: a sum that is rounded on the way is rounded otherwise


def off_in_float64(evidence: Evidence, name: str, eps: float) -> float | None:
    """The relative error of the same backward in float64 against the reference in float64, where it is no rounding.

    Differences of the forward are no witness where a reference says what the gradient is to be (a straight-through
    estimator), so that the limit of the lower precision, with ε = ``eps``, would be all that a gradient is held to.
    What of an error is rounding on the way, in buffers of the lower precision, shows where the upstream gradient is
    multiplied by 1.2345: the gradient is then rounded otherwise. Returns None where nothing is off or can be said.
    """
    given, true = evidence.precise().get(name), evidence.autograd[name]
    if given is None or given.dtype != np.float64 or given.size != true.size:
        return None
    error = relative_error(given.reshape(true.shape), true)
    if not max(_LEAST, _KEPT * eps) < error < math.inf:
        return None
    wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    upstreams = [_FACTOR * u.astype(np.float64) for u in evidence.upstreams]
    try:
        told = evidence.subject.yours(wide, upstreams).gradients, evidence.subject.autograd(wide, upstreams).gradients
    except Exception:
        return None
    noise = max(_apart(once, (other or {}).get(name)) for once, other in zip((given, true), told, strict=True))
    return error if error > _SLACK * noise else None


def _apart(once: Array, other: Array | None) -> float:
    if other is None or other.shape != once.shape:
        return math.inf
    return relative_error(other / _FACTOR, once)
