"""The options that all checks share, looked at before anything is run."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.outcome import default_dtype, default_seed
from gradcheck.outcome.defaults import DTYPES

__all__ = [
    "checked_budget",
    "checked_dtype",
    "checked_name",
    "checked_power",
    "checked_seed",
    "checked_switch",
    "checked_tolerance",
]


def checked_seed(seed: object) -> int:
    """``seed`` as an int, or the default."""
    if seed is None:
        return default_seed()
    if isinstance(seed, bool) or not isinstance(seed, numbers.Integral) or int(seed) < 0:
        raise GradcheckError(f"seed: it must be a whole number from 0 up, not {seed!r}")
    return int(seed)


def checked_tolerance(name: str, value: object) -> float | None:
    """A tolerance as a float, or None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 <= float(value) < math.inf:
        raise GradcheckError(f"{name}: it must be a finite number from 0 up, not {value!r}")
    return float(value)


def checked_power(value: object) -> float | None:
    """A share of an entry, or None.

    Raises:
        GradcheckError: it is no number above 0.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not 0 < float(value) < math.inf:
        raise GradcheckError(
            "power: it must be the relative error of a single entry that is to be caught, a number above 0 such as "
            f"1e-3 for 0.1 %, not {value!r}"
        )
    return float(value)


def checked_dtype(dtype: object) -> np.dtype[Any] | None:
    """A floating-point dtype; without one the default, which is None, the arrays' own, where there is none."""
    if dtype is None:
        dtype = default_dtype()
    if dtype is None:
        return None
    name = str(dtype).removeprefix("torch.") if not isinstance(dtype, type) else np.dtype(dtype).name
    if name not in DTYPES:
        raise GradcheckError(f"dtype: it must be one of {', '.join(DTYPES)}, not {dtype!r}")
    return np.dtype(name)


def checked_name(value: object) -> str | None:
    """What to call something in the report, or None.

    Raises:
        GradcheckError: it is no string.
    """
    if value is not None and not isinstance(value, str):
        raise GradcheckError(f"name: it must be a string, not {value!r}")
    return value


def checked_budget(value: object) -> int | None:
    """A number of evaluations, or None.

    Raises:
        GradcheckError: it is not a whole number, or negative.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or int(value) < 0:
        raise GradcheckError(f"budget: it must be a whole number of evaluations from 0 up, not {value!r}")
    return int(value)


def checked_switch(name: str, value: object) -> bool | None:
    """True, False, or None for the default.

    Raises:
        GradcheckError: it is something else; "no" would be taken for yes.
    """
    if value is not None and not isinstance(value, bool | np.bool_):
        raise GradcheckError(f"{name}: it must be True or False, not {value!r}")
    return None if value is None else bool(value)
