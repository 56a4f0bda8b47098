"""How wrong a *right* gradient may be: PyTorch's own rounding error on the same layer is the measure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcheck.difference import norm, relative_error

__all__ = ["FLOAT64_LIMIT", "limit_for", "rounded", "rounding_floor"]

Array = np.ndarray[Any, Any]

# Relative to the norm. Right code in float64 stays below 1e-9 on every layer tried; a tenth of the smallest error
# that is promised to be caught (1e-6) leaves room on both sides.
FLOAT64_LIMIT = 1e-7

# A right but naive formula may round this much worse than PyTorch's, measured on tuning layers (see tests/benchmarks).
_SLACK = 32.0

# No rounding excuses more than this; where a right gradient itself is off by as much, only the absolute floor is left.
_MOST = 0.1


def limit_for(dtype: np.dtype[Any], true: Array, native: Array | None, terms: int) -> float:
    """The largest relative error a right gradient of this ``dtype`` may have.

    ``native`` is the reference computed in ``dtype`` (None: not computed); ``terms`` is how many numbers a gradient
    entry may be summed from. Summing n numbers one after another in a row has a rounding error of about ε√n of their
    size, where PyTorch's pairwise sums show less; so that much is always allowed.
    """
    if dtype == np.float64:
        return FLOAT64_LIMIT
    eps = float(np.finfo(dtype).eps)
    measured = 0.0
    if native is not None:
        measured = relative_error(native, true)
    if not math.isfinite(measured):
        measured = 0.0
    allowed = max(_SLACK * measured, 2 * eps * math.sqrt(max(terms, 64)))
    return min(allowed, _MOST)


def rounding_floor(true: Array, single: Array, eps: float) -> float:
    """The absolute 2-norm of rounding to be expected at precision ``eps``, from the same reference run in float32.

    Rounding errors are proportional to ε, so they are the float32 run's error times ε/ε32; that does not vanish where
    the true gradient does (a bias before a batch normalisation), which is what it is for.
    """
    return 100 * eps * 2.0**23 * norm(np.asarray(single, np.float64) - np.asarray(true, np.float64))


def rounded(array: Array, dtype: str) -> Array:
    """To the nearest numbers of ``dtype``, kept in the array's own; ``"bfloat16"`` too, which NumPy has not.

    Example:
        >>> rounded(np.array([1.001, 1.006]), "bfloat16").tolist()
        [1.0, 1.0078125]
    """
    if dtype != "bfloat16":
        with np.errstate(all="ignore"):
            return array.astype(dtype).astype(array.dtype)
    # the upper half of a float32, rounded to even (https://en.wikipedia.org/wiki/Bfloat16_floating-point_format)
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    even = (bits >> np.uint32(16)) & np.uint32(1)
    nearest = (bits + np.uint32(0x7FFF) + even) & np.uint32(0xFFFF0000)
    return nearest.view(np.float32).reshape(array.shape).astype(array.dtype)
