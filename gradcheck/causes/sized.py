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
from gradcheck.causes.factors import sizes_called
from gradcheck.causes.fresh import case_at
from gradcheck.causes.spot import factor_in
from gradcheck.state import own_generator
from gradcheck.witnesses.batch import few_samples, one_sample_fewer
from gradcheck.witnesses.patience import at_most

__all__ = ["settled"]

_LARGE = 10_000  # numbers, from which on a few samples must do
_TRIED = 4  # sizes other than those given
_PATIENCE = 2.0  # seconds for a forward of another size
_SHORTEST = 3


def settled(candidate: Candidate, case: Case) -> Candidate:
    """``candidate`` with what is known of the size that its factor may stand for.

    A factor of 5 may be the length of an axis, or a 5 that somebody wrote. Where the axis can be made shorter and the
    factor stays what it is, that is said; where that cannot be tried, the length is likely, no more. A factor that is
    the batch size is taken for it unless it is seen to stay.
    """
    size = candidate.size
    if size is None or not size.meaning:
        return candidate
    of_batch = "the batch size" in size.meaning
    follows = next(_answers(candidate, case, of_batch), None)
    if follows or (follows is None and of_batch):
        return candidate
    name = size.meaning.strip(" (").partition(",")[0].removeprefix("one over ").removeprefix("the ")
    is_likely = follows is None or of_batch
    says = size.meaning.replace(" (", " (likely ", 1) if is_likely else f" (for another {name} too)"
    changed = replace(
        candidate,
        title=candidate.title.replace(size.meaning, says),
        detail=tuple(line.replace(size.meaning, says) for line in candidate.detail),
    )
    if follows is None:
        return changed
    shown = factor_in(case, size.times).shown
    advice = f"the factor stays {shown} for another {name}: if that is meant, read it from the array's shape"
    fixed = candidate.help if of_batch else tuple(line.rpartition(": ")[2] for line in candidate.help)
    return replace(changed, help=(*fixed, advice))


def _answers(candidate: Candidate, case: Case, of_batch: bool) -> Iterator[bool]:
    """Whether the factor follows the size, wherever the size is another and the factor is seen."""
    size = candidate.size
    if size is None or case.subject is None or not case.subject.calls_backward or case.subject.witnesses == "two":
        return
    for values, upstreams in itertools.islice(_resized(case, size.times, of_batch), _TRIED):
        there = case_at(case, values, upstreams)
        here = None if there is None else size.at(there)
        if there is None or here is None or abs(here - 1) < 1e-6:
            continue
        if _may_mean(there, size.times, size.meaning):
            continue  # the size is the same there
        if _may_mean(there, here, size.meaning):
            yield True
        elif math.isclose(here, size.times, rel_tol=1e-6):
            yield False


def _may_mean(case: Case, times: float, meaning: str) -> bool:
    """Whether in ``case`` a factor may stand for what it stands for elsewhere, as ``meaning`` says."""
    said = _unnumbered(meaning)
    if said & _unnumbered(factor_in(case, times).meaning):
        return True
    upstream = case.upstreams[0] if len(case.upstreams) == 1 else None
    for name, n in sizes_called(dict(case.values), upstream, case.result_shapes):
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
    entries = sum(v.size for v in values.values()) + sum(u.size for u in upstreams)
    if entries > _LARGE:
        found = next(few_samples(variables, values, upstreams, _LARGE // 10), None)
        if found is None:
            return
        values, upstreams = found
        yield values, upstreams
    elif of_batch:
        yield from one_sample_fewer(variables, values, upstreams, upstreams)
    every = {v.name: values.get(v.name, v.array) for v in variables if not v.slots}
    lengths = dict.fromkeys(n for a in every.values() for n in a.shape[::-1] if n >= _SHORTEST)
    sought = max(abs(times), 1 / abs(times))
    shorter = [(n, by) for by in (1, 2) for n in sorted(lengths, key=lambda n: abs(n - sought)) if n > by + 1]
    for n, by in shorter:  # by two as well: of 6 samples over 5 classes one less leaves a factor of 1
        cut = values | {name: _shorter(a, n, by) for name, a in every.items() if n in a.shape}
        drawn = _drawn(case, cut)
        if drawn is not None:
            yield cut, drawn


def _shorter(array: Array, n: int, by: int) -> Array:
    return array[tuple(slice(n - by) if length == n else slice(None) for length in array.shape)].copy()


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
