"""A gradient rescaled by its norm, or by the norm of all gradients together."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.causes.candidate import Array, Candidate, Gradients
from gradcheck.causes.case import Case
from gradcheck.causes.numbers import is_round, shown
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates"]


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Where yours is a multiple of the true gradient, and its norm, or its largest entry, a round number."""
    case, true, yours = stage.case, stage.prediction[name], stage.case.yours[name]
    length = norm(true)
    if true.shape != yours.shape or yours.size < 2 or not length:
        return
    ratio = norm(yours) / length
    if abs(ratio - 1) < 1e-5 or not case.explains(name, ratio * true):
        return
    own, largest, total = norm(yours), _largest(yours), _total(case.yours)
    if is_round(own):
        yield from _kinds(name, own, "norm", "its norm", _own, ratio)
    if is_round(largest) and yours.size > 2:
        yield from _kinds(name, largest, "a largest entry of", "its largest entry", _largest_of, ratio)
    if len(case.yours) > 1 and is_round(total):
        yield from _kinds(name, total, "a norm over all gradients of", "the norm of all gradients", _all, ratio)


def _kinds(
    name: str, size: float, to: str, by: str, measure: Callable[[Case, str, Array], float], ratio: float
) -> Iterator[Candidate]:
    help_ = "return the gradient as it is; rescale where it is used: a step of constant length never comes to rest"
    if ratio < 1:
        yield Candidate(
            "GC209",
            f"is the true gradient clipped to {to} {shown(size)}",
            (name,),
            transform=functools.partial(_rescaled, size=size, measure=measure, only_down=True),
            help=("return the gradient as it is; clip where it is used, and count how often it happens",),
            short="clipped by norm",
            cost=0.5,
        )
    is_one = math.isclose(size, 1, rel_tol=1e-7)  # where both fit, who has a norm of 1 has divided
    divided = f"divided by {by}" if is_one else f"rescaled to {to} {shown(size)}"
    yield Candidate(
        "GC209",
        f"is the true gradient {divided}",
        (name,),
        transform=functools.partial(_rescaled, size=size, measure=measure, only_down=False),
        help=(help_,),
        short=divided,
        cost=0.49 if is_one else 0.51,
    )


def _own(case: Case, name: str, true: Array) -> float:  # noqa: ARG001  # as all measures
    return norm(true)


def _largest_of(case: Case, name: str, true: Array) -> float:  # noqa: ARG001  # as all measures
    return _largest(true)


def _all(case: Case, name: str, true: Array) -> float:  # noqa: ARG001  # as all measures
    return _total({n: case.true[n] for n in case.yours if n in case.true})


def _largest(array: Array) -> float:
    return float(np.abs(array).max(initial=0.0))


def _total(gradients: Gradients) -> float:
    return math.hypot(*(norm(array) for array in gradients.values()))


def _rescaled(
    case: Case, name: str, true: Array, size: float, measure: Callable[[Case, str, Array], float], *, only_down: bool
) -> Array | None:
    found = measure(case, name, true)
    if not found:
        return None
    return true if only_down and found <= size else size / found * true
