"""Numbers that somebody may have written, and how they are shown."""

from __future__ import annotations

import math

__all__ = ["is_round", "shown"]

_DIGITS = 2


def is_round(value: float, near: float = 1e-7) -> bool:
    """Whether ``value`` has at most two digits that are not zero: 5, 0.25, 1e-3; not 0.3413."""
    if value == 0 or not math.isfinite(value):
        return False
    return math.isclose(value, float(f"{value:.{_DIGITS - 1}e}"), rel_tol=near)


def shown(value: float) -> str:
    """A number as it would be written, without the noise of its last digits."""
    return f"{value:.{_DIGITS}g}" if is_round(value) else f"{value:.6g}"
