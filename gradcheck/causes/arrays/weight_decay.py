"""A multiple of the parameter itself too much in its gradient, or too little: weight decay."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.numbers import shown
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["added", "left_out"]

_ALIKE = 1e-7


def added(stage: Stage, name: str) -> Iterator[Candidate]:
    """A multiple of the array, or of its signs, too much."""
    yield from (c for c in _candidates(stage, name) if c.title.startswith("has"))


def left_out(stage: Stage, name: str) -> Iterator[Candidate]:
    """A multiple of the array, or of its signs, too little: the line of the forward's penalty tells more, if found."""
    yield from (c for c in _candidates(stage, name) if c.title.startswith("lacks"))


def _candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    case, true, yours = stage.case, stage.prediction[name], stage.case.yours[name]
    value = case.values.get(name)
    if value is None or value.shape != true.shape or yours.shape != true.shape or true.size < 3:
        return
    for signs in (False, True):
        part = _part(value, signs)
        times = _times(yours - true, part)
        if not times or _times_exactly(true, part):  # a multiple of the array is a factor of the gradient
            continue
        what = f"the signs of {name}" if signs else name
        written = f"np.sign({name})" if signs else name
        kind = "the derivative of a sum of absolute values" if signs else "weight decay"
        size = shown(abs(times))
        if times > 0:
            title = f"has {size} times {'the signs of ' if signs else ''}the array itself added ({kind})"
            help_ = f"take {size} * {written} out of {case.called(name)}, or put the penalty into the forward's loss"
        else:
            title = f"lacks {size} times {'the signs of ' if signs else ''}the array itself ({kind})"
            help_ = f"add {size} * {written} to {case.called(name)}: the forward has this penalty in its loss"
        yield Candidate(
            "GC210",
            title,
            (name,),
            transform=functools.partial(_decayed, times=times, signs=signs, batch=_batch(case)),
            help=(help_,),
            short=f"a multiple of {what} {'added' if times > 0 else 'left out'}",
            cost=0.7 if times > 0 else 1.15,
        )


def _part(value: Array, signs: bool) -> Array:
    wide = value.astype(np.float64)
    return np.sign(wide) if signs else wide


def _times(difference: Array, part: Array) -> float:
    length = norm(part)
    times = float(np.vdot(part / length, difference / length)) if length else 0.0
    return times if 1e-12 < abs(times) < 1e9 else 0.0


def _times_exactly(array: Array, part: Array) -> bool:
    return norm(array - _times(array, part) * part) <= _ALIKE * norm(array)


def _batch(case: Case) -> int:
    shape = np.shape(case.upstreams[0]) if case.upstreams else ()
    return shape[0] if shape else 0


def _decayed(case: Case, name: str, true: Array, times: float, batch: int, *, signs: bool) -> Array | None:
    """The same multiple, or the one that was divided by another batch size."""
    value = case.values.get(name)
    if value is None or value.shape != true.shape:
        return None
    part, now = _part(value, signs), _batch(case)
    near = true + times * part
    if now and now != batch and not case.explains(name, near):
        here = _times(case.yours[name] - true, part)
        if math.isclose(here * now, times * batch, rel_tol=1e-5):
            return true + times * batch / now * part
    return near
