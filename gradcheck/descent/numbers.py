"""Learning rates and momentum as they were given."""

from __future__ import annotations

import math
import numbers

from gradcheck.errors import GradcheckError

__all__ = ["checked_momentum", "checked_rate", "is_real"]


def is_real(value: object) -> bool:
    """A finite real number that is no bool."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool) and math.isfinite(float(value))


def checked_rate(value: object) -> float:
    """A learning rate.

    Raises:
        GradcheckError: it is no finite number above 0.
    """
    if not isinstance(value, numbers.Real) or not is_real(value) or float(value) <= 0:
        raise GradcheckError(f"lr: it must be a finite number above 0, not {value!r}")
    return float(value)


def checked_momentum(value: object) -> float:
    """The factor of heavy-ball momentum.

    Raises:
        GradcheckError: it is no number from 0 to below 1.
    """
    if not isinstance(value, numbers.Real) or not is_real(value) or not 0 <= float(value) < 1:
        raise GradcheckError(f"momentum: it must be a number from 0 up to (not including) 1, not {value!r}")
    return float(value)
