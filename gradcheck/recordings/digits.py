"""How many digits recorded arrays carry: numbers that were printed, or kept in a lower precision than their array's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradcheck.recordings.files import Array
from gradcheck.yardstick import rounded

__all__ = ["Digits", "digits_of"]

_SAMPLE = 500
_FEWEST = 6
"""Fewer numbers than that have few digits by chance, or because somebody chose them."""
_USED = 0.6
"""Of rounded numbers nine in ten have a last digit other than 0, and none do of those that were chosen with fewer."""
_SIGNIFICANT, _DECIMALS = range(3, 11), range(2, 11)
_BITS = {"bfloat16": 8, "float16": 11, "float32": 24}


@dataclass(frozen=True)
class Digits:
    """To so many significant digits, decimals or bits the numbers were rounded."""

    kind: Literal["significant", "decimals", "bits"]
    count: int

    def __str__(self) -> str:
        if self.kind == "bits":
            return f"the digits of {next(name for name, bits in _BITS.items() if bits == self.count)}"
        return f"{self.count} {'significant digits' if self.kind == 'significant' else 'decimals'}"

    def half_units(self, array: Array) -> Array:
        """The largest rounding error of each number."""
        size = np.abs(array.astype(np.float64))
        with np.errstate(divide="ignore"):
            if self.kind == "decimals":
                return np.full(size.shape, 0.5 * 10.0**-self.count)
            if self.kind == "bits":
                return np.where(size > 0, 2.0 ** (np.floor(np.log2(size)) - self.count), 0.0)
            return np.where(size > 0, 0.5 * 10.0 ** (np.floor(np.log10(size)) + 1 - self.count), 0.0)

    def fits(self, array: Array) -> bool:
        """Whether every number (of some hundred, of a large array) has no more digits."""
        some = _sample([array])
        if self.kind == "bits":
            return bool(np.array_equal(rounded(some, str(self).rpartition(" ")[2]), some))
        return bool(_written(some, self.count, self.kind == "decimals") == some.tolist())


def digits_of(arrays: Sequence[Array]) -> Digits | None:
    """The digits that all numbers in the arrays were rounded to; None where they carry all, or too few are given.

    Whole numbers say nothing: they are exact.

    Example:
        >>> numbers = np.random.default_rng(0).normal(size=100)
        >>> str(digits_of([np.array([float(f"{x:.6g}") for x in numbers])]))
        '6 significant digits'
        >>> digits_of([numbers]) is digits_of([np.arange(100) / 2]) is None
        True
    """
    some = _sample(arrays)
    some = some[some != 0]
    if some.size < _FEWEST or np.array_equal(some, np.rint(some)):
        return None
    found = [one for one in (_decimal(some, False), _decimal(some, True), _binary(some)) if one is not None]
    return max(found, key=lambda one: one[0])[1] if found else None


def _decimal(some: Array, fixed: bool) -> tuple[float, Digits] | None:
    numbers = some.tolist()
    for count in _DECIMALS if fixed else _SIGNIFICANT:
        if some.dtype == np.float32 and count > 6:
            return None  # it has hardly more by itself
        if _written(some, count, fixed) == numbers:
            fewer = _written(some, count - 1, fixed)
            used = sum(a != b for a, b in zip(fewer, numbers, strict=True)) / some.size
            return (used, Digits("decimals" if fixed else "significant", count)) if used >= _USED else None
    return None


def _written(some: Array, count: int, fixed: bool) -> list[float]:
    """The numbers read back from what is printed with so many digits."""
    told = [float(f"{x:.{count}f}" if fixed else f"{x:.{count - 1}e}") for x in some.tolist()]
    read: list[float] = np.array(told, some.dtype).tolist()
    return read


def _binary(some: Array) -> tuple[float, Digits] | None:
    for name, bits in _BITS.items():
        if some.dtype == name or (name == "bfloat16" and some.dtype == np.float16):
            return None
        if np.array_equal(rounded(some, name), some):
            spare = 2.0 ** (np.floor(np.log2(np.abs(some.astype(np.float64)))) - bits + 4)
            used = float(np.mean(np.fmod(some, spare) != 0))  # of the last three bits one is set
            return (used, Digits("bits", bits)) if used >= _USED else None
    return None


def _sample(arrays: Sequence[Array]) -> Array:
    """Some hundred numbers of all arrays, in the narrowest of their dtypes that are floating-point."""
    floats = [a for a in arrays if a.dtype.kind == "f"]
    if not floats:
        return np.empty(0)
    each = max(_SAMPLE // len(floats), 1)
    parts = [a.reshape(-1)[:: max(1, a.size // each)] for a in floats]
    joined: Array = np.concatenate(parts)
    return np.compress(np.isfinite(joined), joined)
