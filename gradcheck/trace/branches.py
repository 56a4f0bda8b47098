"""Which way the forward went: a cheap digest of every choice that depends on the data.

Two runs with the same digests took the same branches, so a smooth function lies between them.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.trace.sides import ears, hear

if TYPE_CHECKING:
    from gradcheck.trace.tape import Trace

__all__ = ["digest", "is_step", "note"]

# Functions that are constant between jumps: where they jump is a branch, and their derivative is zero elsewhere.
_STEPS = {
    np.sign, np.floor, np.ceil, np.trunc, np.rint, np.round, np.around, np.fix, np.floor_divide, np.heaviside,
    np.zeros_like, np.ones_like, np.empty_like, np.signbit, np.spacing,
}  # fmt: skip


def is_step(function: Any) -> bool:
    """Whether ``function`` is constant wherever it is continuous."""
    try:
        return function in _STEPS
    except TypeError:  # unhashable callables
        return False


def digest(choice: Any) -> int:
    """A number that tells different choices (masks, indices) apart."""
    if isinstance(choice, np.ndarray):
        if choice.dtype == object:
            return 0
        plain: Any = np.packbits(choice) if choice.dtype == np.bool_ else np.ascontiguousarray(choice)
        return zlib.crc32(plain)
    return hash(choice)


def _larger(values: Sequence[Any], _kwargs: Mapping[str, Any]) -> Any:
    # three ways: at a tie another point on either side is another branch
    return np.sign(np.subtract(values[0], values[1])).astype(np.int8)


def _positive(values: Sequence[Any], _kwargs: Mapping[str, Any]) -> Any:
    return np.sign(np.real(values[0])).astype(np.int8)


def _clipped(values: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    low = values[1] if len(values) > 1 else kwargs.get("a_min", kwargs.get("min"))
    high = values[2] if len(values) > 2 else kwargs.get("a_max", kwargs.get("max"))
    below = 0 if low is None else np.less(values[0], low)
    above = 0 if high is None else np.greater(values[0], high)
    return np.asarray(below + 2 * np.asarray(above, np.int8), np.int8)


def _along(choose: Callable[..., Any]) -> Callable[[Sequence[Any], Mapping[str, Any]], Any]:
    def chosen(values: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        axis = values[1] if len(values) > 1 else kwargs.get("axis")
        if isinstance(axis, tuple):
            found = choose(np.asarray(values[0]), axis=axis, keepdims=True)
            return np.equal(values[0], found)
        return (np.argmax if choose is np.max else np.argmin)(values[0], axis=axis)

    return chosen


def _reduced(values: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    axis = values[1] if len(values) > 1 else kwargs.get("axis", 0)
    return np.argsort(np.asarray(values[0]), axis=axis if isinstance(axis, int) else None, kind="stable")


def _order(values: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    axis = kwargs.get("axis", -1)
    return np.argsort(values[0], axis=axis, kind="stable")


def _order_of_all(values: Sequence[Any], _kwargs: Mapping[str, Any]) -> Any:
    return np.argsort(np.asarray(values[0]), axis=None, kind="stable")


_CHOICES: dict[Any, Callable[[Sequence[Any], Mapping[str, Any]], Any]] = {
    np.maximum: _larger, np.minimum: _larger, np.fmax: _larger, np.fmin: _larger,
    np.absolute: _positive, np.fabs: _positive, np.clip: _clipped,
    np.max: _along(np.max), np.min: _along(np.min), np.amax: _along(np.max), np.amin: _along(np.min),
    np.maximum.reduce: _reduced, np.minimum.reduce: _reduced, np.nanmax: _order_of_all, np.nanmin: _order_of_all,
    np.sort: _order, np.median: _order_of_all, np.percentile: _order_of_all, np.quantile: _order_of_all,
    np.partition: _order_of_all, np.maximum.accumulate: _order_of_all, np.minimum.accumulate: _order_of_all,
    np.ptp: _order_of_all,
}  # fmt: skip


def note(trace: Trace, function: Any, values: Sequence[Any], kwargs: Mapping[str, Any], result: Any) -> None:
    """Add to the trace's signature what ``function`` chose, if it chooses."""
    if isinstance(result, int):  # True and False too
        trace.branch(hash(result))
        return
    if ears:
        hear(function, values, kwargs, _CHOICES.get(function) if function in _CHOICES else None)
    kind = getattr(result, "dtype", None)
    if kind is not None and kind.kind in "biu":
        trace.branch(digest(result))
        return
    try:
        choice = _CHOICES.get(function)
    except TypeError:
        return
    if choice is not None:
        trace.branch(digest(choice(values, kwargs)))
    elif is_step(function) and kind is not None:
        trace.branch(digest(result))
    elif isinstance(result, tuple):
        for item in result:
            if getattr(item, "dtype", np.dtype(float)).kind in "biu":
                trace.branch(digest(item))
