"""The same layer at other values and with another batch size: a cause that is one holds there too."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.diagnosis.second_point import moved_within
from gradcheck.state import own_generator, random_direction
from gradcheck.witnesses.batch import few_samples, one_sample_fewer
from gradcheck.witnesses.patience import at_most, once_more

__all__ = ["Fresh", "can_be_asked", "case_at", "is_large"]

_LARGE = 10_000  # numbers in the inputs and the upstream gradients, from which on one further point must do
_ENOUGH = 2_000, 10_000  # numbers of which the samples kept of a large batch consist: a tenth of all, between these
_PATIENCE = 10.0  # seconds


class Fresh:
    """``case`` at other values and with fewer samples, each evaluated when it is first asked for."""

    def __init__(self, case: Case) -> None:
        self._case = case

    @functools.cached_property
    def cases(self) -> tuple[Case, ...]:
        """At other values, and at other values with one sample fewer; of a large batch with a few samples alone."""
        return self._few or self.larger

    @functools.cached_property
    def larger(self) -> tuple[Case, ...]:
        """With all samples, or all but one: for what a few of them cannot show."""
        return tuple(_fresh_cases(self._case)) if can_be_asked(self._case) else ()

    @functools.cached_property
    def is_reduced(self) -> bool:
        """Whether ``cases`` are of a few samples."""
        return bool(self._few)

    @functools.cached_property
    def _few(self) -> tuple[Case, ...]:
        case = self._case
        if not can_be_asked(case) or not is_large(case):
            return ()
        rng = own_generator(1)
        upstreams = [np.asarray(u) for u in case.upstreams]
        assert case.subject is not None  # else it could not be asked
        enough = min(max(_ENOUGH[0], _numbers(case) // 10), _ENOUGH[1])
        for values, cut in few_samples(case.subject.variables, case.values, upstreams, enough):
            made = case_at(case, _moved(values, rng), [u.astype(np.float64) for u in cut])
            if made is not None:
                return (made,)
        return ()


def can_be_asked(case: Case) -> bool:
    """Whether the gradients of ``case`` may be taken anew: both its own backward and a reference can be run."""
    subject = case.subject
    return subject is not None and subject.calls_backward and subject.witnesses != "two"


def is_large(case: Case) -> bool:
    """Whether one further point must do, and of that a few samples."""
    return _numbers(case) > _LARGE


def _numbers(case: Case) -> int:
    return sum(v.size for v in case.values.values()) + sum(np.size(u) for u in case.upstreams)


def _moved(values: Mapping[str, Array], rng: np.random.Generator) -> dict[str, Array]:
    wide = {n: v.astype(np.float64) if v.dtype.kind == "f" else v for n, v in values.items()}
    return {n: moved_within(v, random_direction(rng, v.shape)) if v.dtype.kind == "f" else v for n, v in wide.items()}


def _fresh_cases(case: Case) -> Iterator[Case]:
    """Where it is large one of the two must do: the one with fewer samples, if it can be made."""
    assert case.subject is not None  # else it could not be asked
    rng = own_generator(1)
    moved = _moved(case.values, rng)
    upstreams = [u.astype(np.float64) for u in case.upstreams]
    if is_large(case):
        for values, cut in one_sample_fewer(case.subject.variables, moved, upstreams, upstreams):
            made = case_at(case, values, cut)
            if made is not None:
                yield made
                return
    made = case_at(case, moved, upstreams)
    if made is None:
        wide = {n: v.astype(np.float64) for n, v in case.values.items()}
        careful = {n: v * (1 + 0.2 * np.tanh(rng.standard_normal(v.shape))) for n, v in wide.items()}
        moved, made = careful, case_at(case, careful, upstreams)
    if made is None:
        return
    yield made
    for values, cut in one_sample_fewer(case.subject.variables, moved, upstreams, upstreams):
        made = case_at(case, values, cut)
        if made is not None:
            yield made
            return


def case_at(case: Case, values: Mapping[str, Array], upstreams: Sequence[Array]) -> Case | None:
    """``case`` at other values; None where the forward or the backward does not accept them."""
    assert case.subject is not None  # only such cases get here
    try:
        started = time.monotonic()
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            yours = case.subject.yours(values, list(upstreams))
        if any(o.shape != u.shape for o, u in zip(yours.outputs, upstreams, strict=True)):
            return None
        with np.errstate(all="ignore"), once_more(_PATIENCE, started):
            true = case.subject.autograd(values, upstreams)
    except Exception:
        return None
    if true.gradients is None or true.leaks:
        return None
    given = {}
    for name, wanted in true.gradients.items():
        array = yours.gradients.get(name)
        if name in case.yours and array is not None and array.size == wanted.size:
            given[name] = array.reshape(wanted.shape).astype(np.float64)
    if not all(np.all(np.isfinite(a)) for a in (*given.values(), *true.gradients.values())):
        return None
    return Case(case.subject, values, upstreams, given, true.gradients, case.rounding, case.names)
