"""What the user says of a step in ``health.step``: its loss."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError

__all__ = ["loss_number"]


def loss_number(loss: Any) -> float | None:
    """The loss as a float; None where none was given. A whole number beyond float64 (``10**400``) is infinite.

    Raises:
        GradcheckError: it is not one real number.
    """
    if loss is None:
        return None
    try:
        if isinstance(loss, str | bytes):
            raise TypeError
        values = np.asarray(loss, dtype=np.float64).reshape(-1)
    except OverflowError:
        return -math.inf if isinstance(loss, int) and loss < 0 else math.inf
    except (TypeError, ValueError, RuntimeError):
        raise GradcheckError(f"loss must be a number, not {type(loss).__name__}") from None
    if values.size != 1:
        raise GradcheckError(f"loss must be one number for the step, not {values.size}: give its mean or sum")
    return float(values[0])
