"""The seed and the dtype of checks that were given none.

They stand in the environment because threads and worker processes must use the same ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from gradcheck.errors import GradcheckError

__all__ = ["DTYPES", "default_dtype", "default_seed", "defaults"]

DTYPES = ("float16", "float32", "float64")
"""The names of the dtypes that a check can be made in."""

_SEED = "GRADCHECK_SEED"
_DTYPE = "GRADCHECK_DTYPE"


def default_seed() -> int:
    """The seed of checks that were given none: the environment's ``GRADCHECK_SEED``, else 0.

    Raises:
        GradcheckError: what stands there is no seed.
    """
    text = os.environ.get(_SEED, "0")
    try:
        seed = int(text)
    except ValueError:
        seed = -1
    if seed < 0:
        raise GradcheckError(f"the environment variable {_SEED} is {text!r}; it must be a whole number, 0 or more")
    return seed


def default_dtype() -> str | None:
    """The dtype of checks that were given none: the environment's ``GRADCHECK_DTYPE``, else None, the arrays' own.

    Raises:
        GradcheckError: what stands there is no floating-point dtype.
    """
    name = os.environ.get(_DTYPE)
    if name is not None and name not in DTYPES:
        raise GradcheckError(
            f"the environment variable {_DTYPE} is {name!r}; it must be one of {', '.join(DTYPES)}, or not set"
        )
    return name


@contextmanager
def defaults(*, seed: int | None = None, dtype: str | None = None) -> Iterator[None]:
    """Make these the defaults inside this context, for threads and child processes too; None changes nothing."""
    given = {_SEED: None if seed is None else str(seed), _DTYPE: dtype}
    before = {name: os.environ.get(name) for name, value in given.items() if value is not None}
    os.environ.update({name: value for name, value in given.items() if value is not None})
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
