"""What can be said of a wrong gradient that nothing explains: where it differs, or how."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.causes.listing import listed
from gradcheck.causes.numbers import shown
from gradcheck.causes.regions import apart, region_of
from gradcheck.difference import norm
from gradcheck.report import Finding

__all__ = ["pattern_of", "unexplained"]

_SMALL = 0.4
_NEARLY = 0.75
_MANY = 12
_NOISE = 0.3  # the cosine of what has little to do with one another


def unexplained(case: Case, names: Sequence[str], layer: str) -> list[Finding]:
    """The findings for the wrong gradients of ``names``, of which no cause is known: one for each way to differ."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in names:
        alike[pattern_of(case, name)].append(case.called(name))
    return [
        Finding(
            "GC299",
            "info",
            f"{listed(called)} {'is' if len(called) == 1 else 'are'} wrong, and the cause is not known: "
            f"{'it' if len(called) == 1 else 'each'} {pattern}",
            layer,
            ", ".join(called),
        )
        for pattern, called in alike.items()
    ]


def pattern_of(case: Case, name: str) -> str:
    """In one line: the part in which it differs; or, where it differs everywhere, in what way."""
    yours, true = case.yours[name], case.true[name]
    differs = apart(yours, true)
    if yours.size == 1:
        return f"is one number, {yours.item():.6g}, where {true.item():.6g} is right"
    if not differs.any():
        return "differs by little more than rounding" + _precision(yours)
    if not differs.all():
        there = _where(case, name, differs)
        gone = " and is zero there" if not np.any(yours[differs]) else ""
        return f"differs only {there}{gone}"
    return next(_how(case, name))


def _precision(yours: Array) -> str:
    with np.errstate(all="ignore"):
        is_narrow = np.array_equal(yours.astype(np.float32).astype(np.float64), yours)
    return ", and all its numbers are float32 numbers" if is_narrow else ""


def _where(case: Case, name: str, differs: Array) -> str:
    region = region_of(differs)
    part = None if region is None else region.mask(differs.shape)
    parts = [] if region is None or part is None else [(f"in {region.name}", part)]
    parts += [(f"where {label}", mask) for label, mask in _masks(case, name)]
    for label, mask in parts:
        if np.array_equal(mask, differs):
            return label
    for label, mask in parts:
        # some entries may agree by chance, or because they are zero anyway
        here, there = int(np.count_nonzero(differs & mask)), int(np.count_nonzero(mask))
        if not np.any(differs & ~mask) and here > _NEARLY * there:
            return f"{label} (in {here} of {there} entries there)"
    axis = _axis_of(differs)
    count = np.count_nonzero(differs)
    return f"in {count} of {differs.size} entries" + axis


def _masks(case: Case, name: str) -> Iterator[tuple[str, Array]]:
    """Parts that have a meaning, by an array of the same shape: its own first."""
    shape = case.true[name].shape
    arrays = {name: case.values[name]} if name in case.values else {}
    arrays |= {n: v for n, v in case.values.items() if n != name}
    if len(case.upstreams) == 1:
        arrays["the upstream gradient"] = np.asarray(case.upstreams[0])
    for label, array in [*arrays.items(), ("the true gradient", case.true[name])]:
        if np.shape(array) == shape:
            yield f"{label} is negative", array < 0
            yield f"{label} is positive", array > 0
            yield f"{label} is 0", array == 0
            yield f"{label} is not 0", array != 0
    if len(shape) == 2 and shape[0] == shape[1] and shape[0] > 1:
        eye = np.eye(shape[0], dtype=bool)
        yield "the row is the column: on the diagonal", eye
        yield "the row is not the column: off the diagonal", ~eye
        yield "the row comes before the column: above the diagonal", np.triu(~eye)
        yield "the row comes after the column: below the diagonal", np.tril(~eye)


def _axis_of(differs: Array) -> str:
    """The slices along one axis that all entries lie in, if they are few."""
    for axis, length in enumerate(differs.shape if differs.ndim > 1 else ()):
        others = tuple(a for a in range(differs.ndim) if a != axis)
        touched = np.flatnonzero(differs.any(axis=others))
        if len(touched) <= max(1, length // 2) and np.count_nonzero(differs) == len(touched) * differs.size // length:
            at = ", ".join(str(k) for k in touched[:4]) + (", ..." if len(touched) > 4 else "")
            return f": all with index {at} (from 0) along axis {axis}"
    return ""


def _how(case: Case, name: str) -> Iterator[str]:
    """What is said of a gradient that differs everywhere; the last one always can be."""
    yours, true = case.yours[name], case.true[name]
    gap = yours - true
    if yours.size > 1 and np.ptp(gap) <= 1e-6 * float(np.abs(gap).max()):
        yield f"differs by {shown(float(gap.flat[0]))} in every entry"
    axes = [a for a, n in enumerate(yours.shape) if n > 1] if yours.ndim > 1 else []
    for axis in axes:
        if norm(gap - np.take(gap, [0], axis)) <= 1e-6 * norm(gap):
            yield f"has the same difference everywhere along axis {axis}"
    if np.all(true != 0):
        ratio = yours / true
        for axis in axes:
            if norm(ratio - np.take(ratio, [0], axis)) <= 1e-6 * norm(ratio):
                yield f"is a multiple of the true one that is the same everywhere along axis {axis}"
        yield from _smooth(case, ratio)
    length = norm(true) * norm(yours)
    if not length:
        yield "is not zero, and the true one is"
        return
    cosine = float(np.vdot(true / norm(true), yours / norm(yours)))
    if abs(cosine) < _NOISE and yours.size >= 8:
        yield "differs everywhere, and has little to do with the true one, like noise"
    same = int(np.count_nonzero(np.sign(yours) == np.sign(true)))
    yield (
        f"differs everywhere, at {math.degrees(math.acos(max(-1.0, min(1.0, cosine)))):.0f}° to the true one; "
        f"{same} of {yours.size} entries have its sign"
    )


def _smooth(case: Case, ratio: Array) -> Iterator[str]:
    """Whether yours / true follows the values of an array of the same shape."""
    if ratio.size < _MANY:
        return
    for label, array in case.values.items():
        if array.shape != ratio.shape:
            continue
        ordered = ratio.ravel()[np.argsort(array.ravel(), kind="stable")]
        steps, spread = np.abs(np.diff(ordered)), float(np.ptp(ordered))
        # a function of the array goes through its range in small steps; what has nothing to do with it jumps about
        if spread and float(steps.sum()) <= 3 * spread and float(steps.max()) <= _SMALL * spread:
            low, high = float(ordered.min()), float(ordered.max())
            yield f"differs by a factor that is a smooth function of {label}, from {low:.3g} to {high:.3g}"
