"""A gradient of one sample or time step alone, the first or the last; or of all but that one."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.causes.candidate import Array, Candidate
from gradcheck.causes.case import Case
from gradcheck.causes.stage import Stage
from gradcheck.difference import norm

__all__ = ["candidates"]

_WHICH = {0: "first", -1: "last"}


def candidates(stage: Stage, name: str) -> Iterator[Candidate]:
    """For the ends of each axis that samples or time steps may stand along.

    What one sample contributes is the gradient when the upstream gradient of all others is zero. It is evaluated once
    for all arrays of a layer; a network with one number as its output has no such axis.
    """
    case = stage.case
    if stage.base or case.subject is None or case.subject.upstream == "one":
        return
    for axis, thing in _axes(case):
        for at, which in _WHICH.items():
            share = _share(case, axis, at)
            if share is None or name not in share or not _matters(share[name], case.true[name]):
                continue
            yield _candidate(name, thing, which, axis, at)
            yield _all_but(name, thing, which, axis, at)


def _candidate(name: str, thing: str, which: str, axis: int, at: int) -> Candidate:
    return Candidate(
        "GC207",
        f"is the gradient of the {which} {thing} alone",
        (name,),
        transform=functools.partial(_alone, axis=axis, at=at),
        help=(f"add the shares of all {thing}s: += in the loop in place of =, or a sum over axis {axis}",),
        short=f"the {which} {thing} alone",
        cost=_cost(thing),
    )


def _all_but(name: str, thing: str, which: str, axis: int, at: int) -> Candidate:
    return Candidate(
        "GC207",
        f"lacks the share of the {which} {thing}",
        (name,),
        transform=functools.partial(_without, axis=axis, at=at),
        help=(f"go over all {thing}s: the loop or slice leaves out the {which} one",),
        short=f"without the {which} {thing}",
        cost=_cost(thing),
    )


def _cost(thing: str) -> float:
    return 1.2 if thing == "column" else 1.0  # of a weight, a column is a slice: that says the same and is plainer


def _axes(case: Case) -> list[tuple[int, str]]:
    """The axes of every output that may count samples or time steps; the other ones of an image are positions."""
    shapes = [np.shape(u) for u in case.upstreams]
    ndim = min((len(s) for s in shapes), default=0)
    if not ndim:
        return []
    axes = [(0, "sample" if ndim > 1 else "entry")]
    if ndim == 3:
        axes = [(0, "time step"), (1, "sample")] if _is_time_first(case, shapes) else [*axes, (1, "time step")]
    if ndim == 2:
        axes.append((1, "column"))
    return [(a, thing) for a, thing in axes if all(s[a] > 1 for s in shapes)]


def _is_time_first(case: Case, shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether matrices have as many rows as the second axis is long: a first state, or what a loop computes."""
    rows = {np.shape(v)[0] for v in case.values.values() if np.ndim(v) == 2}
    if all(s[1] in rows and s[0] not in rows for s in shapes):
        return True
    # one step at a time, what is computed of a step has a row for each sample
    made = [s[0] for s in case.result_shapes if len(s) == 2]
    return all(s[0] != s[1] and 2 * made.count(s[1]) > len(made) and s[0] not in made for s in shapes)


def _share(case: Case, axis: int, at: int) -> dict[str, Array] | None:
    """The gradients when only one entry along ``axis`` of the upstream gradients is kept."""
    masked = []
    for upstream in case.upstreams:
        kept = np.zeros(np.shape(upstream))
        where = tuple(slice(None) if a != axis else at for a in range(kept.ndim))
        kept[where] = np.asarray(upstream)[where]
        masked.append(kept)
    found = case.gradients_for(("one", axis, at), masked)
    return None if found is None else dict(found)


def _matters(share: Array, true: Array) -> bool:
    return 1e-9 * norm(true) < norm(share) and norm(true - share) > 1e-9 * norm(true)


def _alone(case: Case, name: str, true: Array, axis: int, at: int) -> Array | None:
    share = _share(case, axis, at)
    return None if share is None or share[name].shape != true.shape else share[name]


def _without(case: Case, name: str, true: Array, axis: int, at: int) -> Array | None:
    share = _share(case, axis, at)
    return None if share is None or share[name].shape != true.shape else true - share[name]
