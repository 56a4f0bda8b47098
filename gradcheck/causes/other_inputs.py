"""The gradient of the same forward for other labels, or for another option: stride 1, no padding, training mode."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, MutableMapping, MutableSequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.causes.candidate import Array, Candidate, Gradients
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.witnesses.numpy_subject import NumpySubject

__all__ = ["candidates"]

_SHIFTS: dict[str, tuple[str, Callable[[Array], Array]]] = {
    "from one earlier": ("shifted by one", lambda y: np.roll(y, -1)),
    "from one later": ("shifted by one", lambda y: np.roll(y, 1)),
    "one too low": ("one class lower", lambda y: (y - 1) % (y.max() + 1)),
    "one too high": ("one class higher", lambda y: (y + 1) % (y.max() + 1)),
}

Holder = MutableSequence[Any] | MutableMapping[Any, Any]


def candidates(stage: Stage) -> Iterator[Candidate]:
    """Labels shifted by one either way; every whole-number and truth-value option changed."""
    case = stage.case
    if not isinstance(case.subject, NumpySubject) or any(b.transform is None for b in stage.base):
        return
    names = tuple(case.true)
    for name, labels in _labels(case).items():
        for says, (title, change) in _SHIFTS.items():
            yield Candidate(
                "GC242",
                f"is the gradient for {name} {title}",
                names,
                evaluate=functools.partial(_with_labels, name, labels, change),
                detail=(f"your backward takes the entries of {name} {says}",),
                help=(f"use the same entries of {name} as the forward does",),
                short=f"{name} {title}",
                cost=0.95,
            )
    for name, holder, key, value in _options(case.subject):
        for other in _others(value, [v for *_, v in _options(case.subject)]):
            yield Candidate(
                "GC243",
                f"is the gradient for {name} = {other}; the forward has {name} = {value}",
                names,
                evaluate=functools.partial(_with_option, holder, key, other),
                detail=(f"your backward computes with {name} = {other}",),
                help=(f"use {name} = {value} in the backward too",),
                short=f"{name} = {other}",
                cost=0.95,
            )


def _labels(case: Case) -> dict[str, Array]:
    """Arrays of whole numbers that may be labels, by name; those of closures and attributes too."""
    assert isinstance(case.subject, NumpySubject)  # checked by the caller
    found = {v.name: v.array for v in case.subject.variables if v.array.dtype.kind in "iu" and v.array.size > 1}
    known = {id(array) for array in found.values()}
    rest = [a for a in case.subject.state.arrays if a.dtype.kind in "iu" and a.size > 1 and id(a) not in known]
    return found | {f"an array of {a.size} labels": a for a in rest if a.flags.writeable}


def _with_labels(name: str, labels: Array, change: Callable[[Array], Array], case: Case) -> Gradients | None:
    assert isinstance(case.subject, NumpySubject)  # as the case that the candidate was made for
    if name in case.values:
        values = {**case.values, name: change(case.values[name])}
        return case.subject.autograd(values, case.upstreams).gradients
    with _set(labels, ..., change(labels)):
        return case.subject.autograd(case.values, case.upstreams).gradients


def _options(subject: NumpySubject) -> list[tuple[str, Holder, Any, Any]]:
    """The options of the forward: name, what holds it, its key there, its value."""
    found: list[tuple[str, Holder, Any, Any]] = []
    arguments = getattr(subject.problem, "arguments", [])
    names = getattr(subject.problem, "names", [])
    for k, value in enumerate(arguments):
        name = names[k] if k < len(names) else f"argument {k + 1}"
        if isinstance(value, dict):
            found += [(str(key), value, key, inner) for key, inner in value.items() if type(inner) in (int, bool)]
        elif type(value) in (int, bool):
            found.append((name, arguments, k, value))
    keywords = getattr(subject.problem, "keywords", {})
    found += [(str(key), keywords, key, value) for key, value in keywords.items() if type(value) in (int, bool)]
    return found


def _others(value: Any, all_values: list[Any]) -> list[Any]:
    """What an option may be mistaken for: the other truth value; 0, 1, or another option's number."""
    if isinstance(value, bool):
        return [not value]
    numbers = dict.fromkeys([0, 1, *(v for v in all_values if not isinstance(v, bool))])
    return [n for n in numbers if n != value]


def _with_option(holder: Holder, key: Any, other: Any, case: Case) -> Gradients | None:
    assert isinstance(case.subject, NumpySubject)  # as the case that the candidate was made for
    with _set(holder, key, other):
        return case.subject.autograd(case.values, case.upstreams).gradients


@contextmanager
def _set(holder: Any, key: Any, value: Any) -> Iterator[None]:
    """``holder[key] = value`` for a while; put back whatever happens."""
    old = np.array(holder[key]) if isinstance(holder, np.ndarray) else holder[key]
    holder[key] = value
    try:
        yield
    finally:
        holder[key] = old
