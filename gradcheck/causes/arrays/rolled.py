"""A gradient moved along its axes: an index or a padding that is off by a few."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["candidates"]

_PEAKS = 3
_LARGEST = 1 << 21  # entries; the transform of more takes longer than it may

Shift = tuple[int, ...]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """The shifts at which yours and the true gradient overlap best, with the ends joined and with zeros coming in."""
    true, yours = stage.prediction[name], stage.case.yours[name]
    if true.shape != yours.shape or not 3 <= true.size <= _LARGEST or true.ndim > 4:
        return
    for shift in _likely(true, yours):
        says = " and ".join(f"by {s} along axis {k}" for k, s in enumerate(shift) if s)
        ways = (("rolled", _rolled), ("shifted", _shifted))
        for word, moved in ways:
            zeros = ", zeros coming in" if word == "shifted" else ""
            yield Candidate(
                "GC206",
                f"is the true gradient {word} {says}{zeros}",
                (name,),
                transform=functools.partial(moved, shift=shift),
                help=("an index, an offset or a padding is off: move the slice back",),
                short=f"{word} {says}",
                cost=0.7,
            )


def _likely(true: Array, yours: Array) -> list[Shift]:
    """The highest peaks of the correlation of the two, over every shift at once."""
    axes = tuple(range(true.ndim))
    product = np.fft.rfftn(yours, axes=axes) * np.conj(np.fft.rfftn(true, axes=axes))
    overlap = np.abs(np.fft.irfftn(product, s=true.shape, axes=axes)).ravel()
    order = np.argsort(-overlap)[: _PEAKS + 1] if overlap.size <= 4096 else _highest(overlap)
    found = []
    for k in order:
        at = np.unravel_index(int(k), true.shape)
        shift = tuple(int(s) - n if 2 * int(s) > n else int(s) for s, n in zip(at, true.shape, strict=True))
        if any(s and n > 2 for s, n in zip(shift, true.shape, strict=True)):  # of two entries, a roll is a flip
            found.append(shift)
    return found[:_PEAKS]


def _highest(overlap: Array) -> Array:
    top = np.argpartition(-overlap, _PEAKS + 1)[: _PEAKS + 1]
    return np.asarray(top[np.argsort(-overlap[top])])


def _rolled(case: Case, name: str, true: Array, shift: Shift) -> Array | None:  # noqa: ARG001  # as all transforms
    return np.roll(true, shift, tuple(range(true.ndim))) if true.ndim == len(shift) else None


def _shifted(case: Case, name: str, true: Array, shift: Shift) -> Array | None:  # noqa: ARG001  # as all transforms
    if true.ndim != len(shift):
        return None
    moved = np.zeros_like(true)
    to = tuple(slice(max(s, 0), n + min(s, 0)) for s, n in zip(shift, true.shape, strict=True))
    out = tuple(slice(max(-s, 0), n + min(-s, 0)) for s, n in zip(shift, true.shape, strict=True))
    moved[to] = true[out]
    return moved
