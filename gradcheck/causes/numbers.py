"""Numbers that somebody may have written, and how they are shown."""

from __future__ import annotations

import math

__all__ = ["is_round", "shown"]

# Digits, and how near to so few a number has to be: nearer than any number in a thousand is by chance. Those of two
# digits may come out of float32.
_ROUND = ((2, 2e-7), (4, 1e-10))


def is_round(value: float) -> bool:
    """Whether ``value`` has few digits before or after its zeros: 5, 0.25, 1e-3; not 0.341327."""
    return value != 0 and math.isfinite(value) and any(math.isclose(value, _to(value, n), rel_tol=r) for n, r in _ROUND)


def shown(value: float) -> str:
    """A number as it would be written, without the noise of its last digits."""
    for digits, near in _ROUND:
        if math.isclose(value, _to(value, digits), rel_tol=near):
            return f"{_to(value, digits):g}"
    return f"{value:.6g}"


def _to(value: float, digits: int) -> float:
    return float(f"{value:.{digits - 1}e}")
