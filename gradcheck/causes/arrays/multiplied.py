"""A gradient multiplied or divided, entry by entry, by an array at hand; or that array in its place."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage

__all__ = ["broadcasts", "candidates"]

_MOST = 4  # arrays at hand that are tried
_UPSTREAM = "the upstream gradient"


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """Times one, over one, times one in the place of another, and one itself."""
    case, true = stage.case, stage.prediction[name]
    if case.yours[name].shape != true.shape or true.size < 2:
        return
    there = _at_hand(case, name, true.shape)
    for label, array in there.items():
        if array.shape == true.shape:
            yield _candidate(name, f"is {label} itself", label, None, f"{label} itself", cost=1.3)
        yield _candidate(name, f"is the true gradient times {label}", label, "1", f"times {label}", cost=1.4)
        yield _candidate(name, f"is the true gradient divided by {label}", "1", label, f"divided by {label}", cost=1.4)
    for above in there:
        for below in (b for b in there if b != above):
            title = f"is the true gradient with {above} in the place of {below}"
            yield _candidate(name, title, above, below, f"{above} for {below}", cost=1.45)


def _candidate(name: str, title: str, above: str, below: str | None, short: str, cost: float) -> Candidate:
    return Candidate(
        "GC213",
        title,
        (name,),
        transform=functools.partial(_made, above=above, below=below),
        help=(_help(above, below),),
        short=short,
        cost=cost,
    )


def _help(above: str, below: str | None) -> str:
    if below is None:
        return f"multiply {above} by the derivative: it is returned as it is"
    if below == "1":
        return f"multiply by {above} once less"
    if above == "1":
        return f"multiply by {below}: it is left out"
    return f"multiply by {below}, not by {above}"


def _at_hand(case: Case, name: str, shape: tuple[int, ...]) -> dict[str, Array]:
    """The arrays of this shape, or that broadcast to it, the likeliest first."""
    found = {}
    for k, upstream in enumerate(case.upstreams):
        found[_UPSTREAM if len(case.upstreams) == 1 else f"upstream gradient {k}"] = np.asarray(upstream)
    found |= {name: case.values[name]} if name in case.values else {}
    found |= {n: v for n, v in case.values.items() if n != name}
    fitting = {label: array for label, array in found.items() if broadcasts(np.shape(array), shape)}
    ordered = sorted(fitting, key=lambda label: fitting[label].shape != shape)  # keeps the order otherwise
    return {label: fitting[label].astype(np.float64) for label in ordered[:_MOST]}


def broadcasts(shape: tuple[int, ...], to: tuple[int, ...]) -> bool:
    """Whether an array of more than one number and this shape broadcasts to another shape."""
    if len(shape) > len(to) or not any(n > 1 for n in shape):
        return False
    return all(n in (1, m) for n, m in zip(reversed(shape), reversed(to), strict=False))


def _made(case: Case, name: str, true: Array, above: str, below: str | None) -> Array | None:
    there = _at_hand(case, name, true.shape)
    over, under = _named(there, above), _named(there, below or "1")
    if over is None or under is None:
        return None
    with np.errstate(all="ignore"):
        made = np.broadcast_to(over, true.shape) if below is None else true * over / under
    return made if np.all(np.isfinite(made)) else None


def _named(there: Mapping[str, Array], label: str) -> Array | None:
    return np.ones(()) if label == "1" else there.get(label)
