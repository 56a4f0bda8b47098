"""A factor that equals the length of an axis: whether it follows that length is asked where the axis is shorter."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.factors import factor, of_a_square, sizes_called
from gradcheck.causes.fresh import can_be_asked, case_at, is_large
from gradcheck.causes.gate import Gate
from gradcheck.causes.source import shortened, text_of
from gradcheck.causes.spot import factor_in
from gradcheck.state import own_generator
from gradcheck.witnesses.batch import few_samples, one_sample_fewer
from gradcheck.witnesses.patience import at_most

__all__ = ["settled"]

_ENOUGH = 1_000  # numbers of which the samples kept of a large batch consist
_TRIED = 4  # sizes other than those given
_PATIENCE = 2.0  # seconds for a forward of another size
_SHORTEST = 3


def settled(candidate: Candidate, case: Case) -> Candidate:
    """``candidate`` with what is known of the size that its factor may stand for.

    A factor of 5 may be the length of an axis, or a 5 that somebody wrote. Where the axis can be made shorter and the
    factor stays what it is, that is said; where that cannot be tried, the length is likely, no more, and the batch size
    is taken for what it seems. A factor of 2 that stays may be the 2 of a square, and 1/3 the 3 of a cube.
    """
    size = candidate.size
    if size is None:
        return candidate
    of_batch = "the batch size" in size.meaning
    follows = next(_answers(candidate, case, of_batch), None) if size.meaning else False
    if follows:
        return candidate
    of_power = _of_a_power(case, size.times, _mended(candidate))
    if of_power and follows is False:
        return _called(candidate, size.meaning, "", (of_power,))
    if not size.meaning or (follows is None and of_batch and not of_power and case.subject is not None):
        return candidate
    if follows is None:
        help_ = (*candidate.help, of_power) if of_power else candidate.help
        return _called(candidate, size.meaning, size.meaning.replace(" (", " (likely ", 1), help_)
    name = size.meaning.strip(" (").partition(",")[0].removeprefix("one over ").removeprefix("the ")
    shown = factor_in(case, size.times).shown
    advice = f"the factor stays {shown} for another {name}: if that is meant, read it from the array's shape"
    fixed = tuple(line.rpartition(": ")[2] for line in candidate.help[:1])  # not that others are averaged otherwise
    return _called(candidate, size.meaning, f" (for another {name} too)", (*fixed, advice))


def _called(candidate: Candidate, meaning: str, says: str, help_: tuple[str, ...]) -> Candidate:
    """``candidate`` with other words for what its factor stands for."""
    if not meaning:
        return replace(candidate, help=help_)
    title, detail = candidate.title.replace(meaning, says), (d.replace(meaning, says) for d in candidate.detail)
    return replace(candidate, title=title, detail=tuple(detail), help=help_)


def _mended(candidate: Candidate) -> str:
    """What is multiplied or divided by the factor, in the words of its help."""
    found = (re.search(r"\b(?:multiply|divide|double|halve) (.+?)(?: by |:|$)", line) for line in candidate.help)
    return next((one[1] for one in found if one), "it")


def _of_a_power(case: Case, times: float, name: str) -> str:
    """How to mend a factor that an exponent stands for: 1/3 where an x**3 is differentiated to x**2."""
    if of_square := of_a_square(times, name):
        return of_square
    n = round(1 / abs(times)) if abs(times) < 1 else 0
    if n < _SHORTEST or not math.isclose(abs(times) * n, 1, rel_tol=1e-6) or case.recording is None:
        return ""
    sign = ", and change its sign" if times < 0 else ""
    for site, gates in case.recording.sites.items():
        if gates[0].operation.name == "power" and _exponent(gates[0]) == n:
            return f"multiply {name} by {n}: is the {n} of the derivative of {shortened(text_of(site))} missing?{sign}"
    return ""


def _exponent(gate: Gate) -> float | None:
    """The exponent of a power, where it is one number."""
    exponents = np.asarray(gate.operation.inputs[1]) if len(gate.operation.inputs) == 2 else np.zeros(0)
    return float(exponents.item()) if exponents.size == 1 else None


def _answers(candidate: Candidate, case: Case, of_batch: bool) -> Iterator[bool]:
    """Whether the factor follows the size, wherever the size is another and the factor is seen."""
    size = candidate.size
    if size is None or not can_be_asked(case):
        return
    for values, upstreams in itertools.islice(_resized(case, size.times, of_batch), _TRIED):
        there = case_at(case, values, upstreams)
        here = None if there is None else size.at(there)
        if there is None or here is None or abs(here - 1) < 1e-6:
            continue
        # a meaning that was found without looking into the forward is not looked for there either
        inside = case.was_recorded
        if _may_mean(there, size.times, size.meaning, inside):
            continue  # the size is the same there
        if _may_mean(there, here, size.meaning, inside):
            yield True
        elif math.isclose(here, size.times, rel_tol=1e-6):
            yield False


def _may_mean(case: Case, times: float, meaning: str, inside: bool) -> bool:
    """Whether in ``case`` a factor may stand for what it stands for elsewhere, as ``meaning`` says.

    Sizes of what the forward computes on the way count where they are asked for (``inside``).
    """
    said = _unnumbered(meaning)
    upstream = case.upstreams[0] if len(case.upstreams) == 1 else None
    shapes = case.result_shapes if inside else []
    if said & _unnumbered(factor(times, "it", dict(case.values), upstream, lambda: shapes).meaning):
        return True
    for name, n in sizes_called(dict(case.values), upstream, shapes):
        if math.isclose(abs(times), n, rel_tol=1e-6) and said & _unnumbered(f"{name}, {n}"):
            return True
        if math.isclose(abs(times), 1 / n, rel_tol=1e-6) and said & _unnumbered(f"one over {name}, {n}"):
            return True
    return False


def _unnumbered(meaning: str) -> set[str]:
    """What a meaning names, whatever the sizes are: " (the batch size, 6 or the length of axis 0 of x, 6)"."""
    return {re.sub(r"\d+(×\d+)*", "n", part) for part in meaning.strip(" ()").split(" or ") if part}


def _resized(case: Case, times: float, of_batch: bool) -> Iterator[tuple[Mapping[str, Array], Sequence[Array]]]:
    """Values of other sizes, and upstream gradients that belong to them: a sample fewer, or another axis shorter."""
    assert case.subject is not None  # seen by the caller
    variables = case.subject.variables
    values, upstreams = dict(case.values), [np.asarray(u) for u in case.upstreams]
    if is_large(case):
        found = next(few_samples(variables, values, upstreams, _ENOUGH), None)
        if found is None:
            return
        values, upstreams = found
        yield values, upstreams
    elif of_batch:
        yield from one_sample_fewer(variables, values, upstreams, upstreams)
    every = {v.name: values.get(v.name, v.array) for v in variables if not v.slots}
    lengths = dict.fromkeys(n for a in every.values() for n in a.shape[::-1] if n > 1)
    sought = max(abs(times), 1 / abs(times))
    nearest = sorted(lengths, key=lambda n: abs(n - sought))
    # by two as well: of 6 samples over 5 classes one less leaves a factor of 1; of a length of 2 one more is taken
    for n, by in [(n, by if n >= _SHORTEST else -by) for by in (1, 2) for n in nearest if n > by + 1 or n < _SHORTEST]:
        cut = values | {name: _shorter(a, n, by) for name, a in every.items() if n in a.shape}
        drawn = _drawn(case, cut)
        if drawn is not None:
            yield cut, drawn


def _shorter(array: Array, n: int, by: int) -> Array:
    for axis in (axis for axis, length in enumerate(array.shape) if length == n):
        array = np.take(array, np.arange(n - by) % n, axis)
    return array.copy()


def _drawn(case: Case, values: Mapping[str, Array]) -> list[Array] | None:
    """Upstream gradients for the outputs there; None where the forward does not accept the values."""
    assert case.subject is not None  # seen by the caller
    try:
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            outputs = case.subject.forward(values)
    except Exception:
        return None
    rng = own_generator(1)
    one = case.subject.upstream == "one"
    return [np.ones(o.shape) if one else np.asarray(rng.standard_normal(o.shape)) for o in outputs]
