"""The same layer at other values and with another batch size: a cause that is one holds there too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.diagnosis.second_point import moved_within
from gradcheck.state import own_generator, random_direction
from gradcheck.witnesses.batch import one_sample_fewer
from gradcheck.witnesses.patience import at_most

__all__ = ["case_at", "fresh_cases"]

_LARGE = 20_000  # numbers
_PATIENCE = 10.0  # seconds


def fresh_cases(case: Case) -> Iterator[Case]:
    """``case`` at other values, and at other values with one sample fewer, as far as the forward accepts them.

    Where it is large one of the two must do: the one with fewer samples, if it can be made.
    """
    if case.subject is None or not case.subject.calls_backward or case.subject.witnesses == "two":
        return
    rng = own_generator(1)
    wide = {n: v.astype(np.float64) for n, v in case.values.items()}
    moved = {n: moved_within(v, random_direction(rng, v.shape)) for n, v in wide.items()}
    upstreams = [u.astype(np.float64) for u in case.upstreams]
    if sum(v.size for v in wide.values()) > _LARGE:
        for values, cut in one_sample_fewer(case.subject.variables, moved, upstreams, upstreams):
            made = case_at(case, values, cut)
            if made is not None:
                yield made
                return
    made = case_at(case, moved, upstreams)
    if made is None:
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
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            yours = case.subject.yours(values, list(upstreams))
            if any(o.shape != u.shape for o, u in zip(yours.outputs, upstreams, strict=True)):
                return None
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
