"""A gradient rounded to fewer digits than it was computed with."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.yardstick import rounded

__all__ = ["candidates"]

_DECIMALS = 8


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Every rounding that leaves yours as it is, the coarsest first."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if true.shape != yours.shape or not np.any(yours):
        return
    for says, written, rounding in _roundings():
        if _leaves(rounding, yours) and not _leaves(rounding, true):
            yield Candidate(
                "GC211",
                f"is the true gradient rounded to {says}",
                (name,),
                transform=functools.partial(_rounded, rounding=rounding),
                help=(f"keep the precision of the array: no {written} in the backward",),
                short=f"rounded to {says}",
                cost=0.5,
            )


def _roundings() -> Iterator[tuple[str, str, Callable[[Array], Array]]]:
    """How it is called, what is looked for in the source, and the function."""
    yield "the nearest integers", "np.round", np.rint
    yield "integers, towards zero", "astype(int) or // or integer array", np.trunc
    yield "integers, downwards", "np.floor or //", np.floor
    for k in range(1, _DECIMALS):
        yield f"{k} decimal{'s' if k > 1 else ''}", f"np.round(..., {k})", functools.partial(_to_decimals, decimals=k)
    for dtype in ("bfloat16", "float16", "float32"):
        yield dtype, dtype, functools.partial(rounded, dtype=dtype)


def _to_decimals(array: Array, decimals: int) -> Array:
    return np.asarray(np.round(array, decimals))


def _leaves(rounding: Callable[[Array], Array], array: Array) -> bool:
    flat = array.ravel()
    return np.array_equal(rounding(flat[:64]), flat[:64]) and np.array_equal(rounding(flat), flat)


def _rounded(case: Case, name: str, true: Array, rounding: Callable[[Array], Array]) -> Array:  # noqa: ARG001  # as all transforms
    return rounding(true)
