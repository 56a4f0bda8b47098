"""The causes of planted wrong gradients: by family, how many were named, named first, and named wrongly.

A name is right when the code is one of those that name the cause there, and its gradients are among those that were
spoilt. Named first: the cause of the report. Among three: it, or one of two that the report says cannot be told apart
from it. Wrongly named: an error that names another cause and none that is right; a remark that only describes the
difference, or "not known", is no name.
"""

import functools
import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import networks
import numpy as np
from alarms import TUNING
from layers.catalogue import Layer, entries
from planted import SMALLEST, Plant, check, draw_upstreams, measured, misjudged, plants, redrawn
from planted_kinds import Array, as_tuple
from tables import Table, times

import gradcheck.causes
import gradcheck.examine
from gradcheck.report import Report

_HEADER = ["set", "family", "planted", "caught", "named first", "among three", "wrongly", "not named", "× check"]
_FIRST = 3
_TWO = "two faults"

# What the kinds that are made of any gradient are called by; None: a fault without a name, so that none may be given.
_ANY: dict[str, tuple[str, tuple[str, ...]] | None] = {
    "negated": ("sign", ("GC202",)),
    "doubled": ("constant factor", ("GC201",)),
    "halved": ("constant factor", ("GC201",)),
    "1 % too large": ("constant factor", ("GC201",)),
    "divided by the batch": ("constant factor", ("GC201",)),
    "times the batch": ("constant factor", ("GC201",)),
    "transposed": (networks.AXES, ("GC203",)),
    "flipped along the first axis": ("flipped", ("GC204",)),
    "flipped along the last axis": ("flipped", ("GC204",)),
    "rotated by 180°": ("flipped", ("GC204",)),
    "rolled by one": ("rolled", ("GC206",)),
    "zero": ("zero", ("GC205",)),
    "last row zero": ("one part", ("GC215", "GC207")),
    "normalised": ("clipped", ("GC209",)),
    "rounded to float16": ("rounded", ("GC211",)),
    "weight decay added": ("weight decay", ("GC210",)),
    "another array's": (networks.COPIED, ("GC212",)),
    "times its array": ("times an array", ("GC213",)),
    "first sample only": ("one sample", ("GC207", "GC215")),  # of dx, the other rows are zero
    "last sample only": ("one sample", ("GC207", "GC215")),
    "not summed over the batch": ("not summed", ("GC104",)),
    "one entry zero": None,  # another one at other values
    "one entry negated": None,  # another one at other values
    "one entry doubled": None,  # another one at other values
    "stale upstream gradient": None,
    "stale cache": None,
    "noise of 0.001 %": None,
}
# What is planted in one layer and no other.
_IN_LAYER: dict[str, tuple[str, tuple[str, ...]]] = {
    "linear: mean bias": ("constant factor", ("GC201",)),
    "relu: no mask": (networks.LEFT_OUT, ("GC232",)),
    "relu: mask turned round": (networks.OTHER, ("GC233",)),
    "relu: softplus": (networks.OTHER, ("GC233",)),
    "conv_naive: kernel turned on the way down": (networks.OPERAND, ("GC238",)),
    "conv_im2col: overlaps overwritten": (networks.OVERWRITTEN, ("GC237",)),
    "conv_im2col: mean over positions": ("constant factor", ("GC201",)),
    "max_pool: overlaps overwritten": (networks.OVERWRITTEN, ("GC237",)),
    "batch_norm: no mean term": (networks.DROPPED, ("GC230", "GC236")),
    "batch_norm: no variance term": (networks.DROPPED, ("GC230", "GC236")),
    "batch_norm: γ forgotten": (networks.LEFT_OUT, ("GC232", "GC238", "GC213")),
    "layer_norm: statistics as constants": (networks.DROPPED, ("GC230", "GC236")),
    "layer_norm: dγ and dβ swapped": (networks.COPIED, ("GC102", "GC212")),
    "softmax_cross_entropy: labels not subtracted": (networks.DROPPED, ("GC230", "GC236", "GC251")),
    "softmax_cross_entropy: divided by the classes": ("constant factor", ("GC201",)),
    "softmax_cross_entropy: other labels": (networks.POINT, tuple(f"GC24{k}" for k in range(10))),
    "lstm_cell: forget gate not in dc": (networks.OPERAND, ("GC238", "GC232")),
    "lstm_cell: forget path dropped": (networks.DROPPED, ("GC230", "GC236", "GC215")),
    "lstm_cell: gates in another order": (networks.COPIED, ("GC212",)),
    "lstm_cell: no hidden path to the cell": (networks.DROPPED, ("GC230", "GC236")),
    "attention: scale forgotten": (networks.LEFT_OUT, ("GC232", "GC238", "GC231", "GC201")),
    "attention: diagonal only": (networks.OTHER, ("GC233",)),
    "attention: dv without weights": (networks.OPERAND, ("GC238", "GC214")),  # the weights add up to one
    "dropout: not scaled": (networks.LEFT_OUT, ("GC232", "GC238", "GC231", "GC201")),
    "embedding: repeated ids overwritten": (networks.OVERWRITTEN, ("GC237",)),
}


class Case(NamedTuple):
    """A plant, its family, and the codes that name it; no codes: no cause may be named."""

    made: Plant
    family: str
    codes: frozenset[str]


@dataclass
class Count:
    """What came of the plants of one family."""

    planted: int = 0
    caught: int = 0
    first: int = 0
    among: int = 0
    wrongly: int = 0
    multiples: list[float] = field(default_factory=list)


def table(seeds: int) -> Table:
    """Every family in every layer and network that it fits, ``seeds`` seeds."""
    made = Table(f"Causes of planted wrong gradients, {seeds} seed{'s' if seeds > 1 else ''}", _HEADER)
    counts: dict[tuple[str, str], Count] = defaultdict(Count)
    for seed in range(seeds):
        for case in _cases(seed):
            which = "tuning" if case.made.layer.name in TUNING else "held out"
            told = _count(case, counts[which, case.family])
            if told:
                made.remarks.append(f"{case.made.layer.name}, {case.made.kind}, seed {seed}: {told}")
    for which in ("tuning", "held out", "all"):
        single = [count for (w, f), count in counts.items() if which in (w, "all") and f and not f.startswith(_TWO)]
        double = [count for (w, f), count in counts.items() if which in (w, "all") and f.startswith(_TWO)]
        if which != "all":
            families = [(f, counts[w, f]) for w, f in sorted(counts) if w == which]
            made.rows += [_row(which, family or "without a name", count) for family, count in families]
        made.rows.append(_row(which, "all of one fault", *single))
        if double:
            made.rows.append(_row(which, "all of two faults", *double))
    return made


def _row(which: str, family: str, *counts: Count) -> list[str]:
    planted, caught, first, among, wrongly = (
        sum(getattr(count, name) for count in counts) for name in ("planted", "caught", "first", "among", "wrongly")
    )
    multiples = [multiple for count in counts for multiple in count.multiples]
    named = [f"{n} ({100 * n / planted:.0f} %)" if planted else "-" for n in (first, among, wrongly)]
    mean = sum(multiples) / len(multiples) if multiples else None
    return [which, family, str(planted), str(caught), *named, str(planted - among - wrongly), times(mean)]


def _cases(seed: int) -> Iterator[Case]:
    for layer in (redrawn(entry, seed) for entry in entries()):
        for made in plants(layer, draw_upstreams(layer, seed), first=seed):
            kind = made.kind.rpartition(", d")[0] or made.kind
            named = _IN_LAYER.get(f"{layer.name}: {kind}", _ANY.get(kind, ()))
            if named == () or all(change <= SMALLEST for change in made.changes.values()):
                continue
            if named is None and kind.startswith("stale") and not made.upstreams[0].ndim:
                continue  # of a single number: a constant factor
            family, codes = named or ("", ())
            if kind == "rolled by one" and _value(made).shape[-1] == 2:
                codes = (*codes, "GC204")
            yield Case(made, family, frozenset(codes))
        yield from _clipped(layer, seed)
    for layer, backward in networks.networks(seed):
        upstreams = draw_upstreams(layer, seed)
        for kind, fault in networks.FAULTS[layer.name].items():
            if kind:
                made = measured(layer, kind, layer.forward, backward(kind), upstreams)
                assert any(change > SMALLEST for change in made.changes.values()), f"{layer.name}: {kind} is right"
                yield Case(made, fault.family, fault.codes)
                yield from _two_faults(made, fault)


def _two_faults(made: Plant, fault: networks.Fault) -> Iterator[Case]:
    """The fault with another one beside it: a right gradient negated, or one of several wrong ones doubled."""
    names = list(made.changes)
    right = [name for name, change in made.changes.items() if change == 0]
    wrong = [name for name, change in made.changes.items() if change > SMALLEST]
    for family, code, chosen, factor in (
        (f"{_TWO}, two gradients", "GC202", right[:1], -1),
        (f"{_TWO}, one gradient", "GC201", wrong[:1] if len(wrong) > 1 else [], 2),
    ):
        for name in chosen:

            def backward(*given: Any, index: int = names.index(name), factor: int = factor) -> Any:
                gradients = list(made.backward(*given))
                gradients[index] = factor * gradients[index]
                return tuple(gradients)

            functools.update_wrapper(backward, made.backward)
            both = measured(made.layer, f"{made.kind}, {name} times {factor}", made.forward, backward, made.upstreams)
            yield Case(both, family, fault.codes | {code})


def _value(made: Plant) -> Array:
    """The array whose gradient was spoilt."""
    parameters = dict(zip(inspect.signature(made.layer.forward).parameters, made.layer.inputs, strict=False))
    [name] = [name for name, change in made.changes.items() if change > SMALLEST]
    return np.asarray(parameters[name])


def _clipped(layer: Layer, seed: int) -> Iterator[Case]:
    """One gradient clipped by value, and by norm, each to a number of one digit, as people clip."""
    upstreams = draw_upstreams(layer, seed)
    *_, cache = layer.forward(*layer.inputs, **layer.options)
    right = as_tuple(layer.backward(*upstreams, cache))
    index = seed % len(right)
    bound = float(f"{np.abs(right[index]).max() / 2:.0e}")
    limit = float(f"{np.linalg.norm(right[index]) / 2:.0e}")
    changes: dict[str, tuple[str, Callable[[Array], Array]]] = {
        f"clipped to ±{bound:g}": ("GC208", lambda g: np.clip(g, -bound, bound)),
        f"clipped to the norm {limit:g}": ("GC209", lambda g: g * min(1.0, limit / np.linalg.norm(g))),
    }
    for kind, (code, change) in changes.items():

        def backward(*given: Any, change: Callable[[Array], Array] = change) -> Any:
            gradients = list(as_tuple(layer.backward(*given)))
            gradients[index] = change(gradients[index])
            return tuple(gradients)

        functools.update_wrapper(backward, layer.backward)
        made = measured(layer, kind, layer.forward, backward, upstreams)
        if any(difference > SMALLEST for difference in made.changes.values()):
            yield Case(made, "clipped", frozenset((code,)))


def _count(case: Case, count: Count) -> str:
    """Check one plant; what is to be said of it where its cause was not named first."""
    made = case.made
    with _watched() as seen:
        started = time.process_time()
        report = check(made.layer, made.upstreams, made)
        whole = time.process_time() - started
    count.planted += 1
    count.multiples.append(whole / max(whole - seen.seconds, 1e-9))
    missed = misjudged(made, report)
    count.caught += not missed
    if missed:
        return "; ".join(missed)
    spoilt = [g.name for g in report.gradients if g.verdict == "wrong"]
    named = {name: _named(report, seen, name) for name in spoilt}
    if not case.codes:
        blamed = any(set(said[:1]) - {"GC215"} for said in named.values())  # "right but for that entry" is no blame
        count.wrongly += blamed
        return f"named {named}" if blamed else ""
    first = all(set(said[:1]) & case.codes for said in named.values())
    among = all(set(said[:_FIRST]) & case.codes for said in named.values())
    count.first += first
    count.among += among
    if among:
        return "" if first else f"not first: {named}"
    wrongly = any(said and not set(said[:_FIRST]) & case.codes for said in named.values())
    count.wrongly += wrongly
    return f"{'wrongly' if wrongly else 'not'} named: {named}; {' or '.join(sorted(case.codes))} expected"


def _named(report: Report, seen: "_Seen", name: str) -> list[str]:
    """The codes that the report gives as the cause of one gradient, then those not to be told apart from it."""
    said = [f for f in report.findings if name in f.gradient.split(", ") or (f.code == "GC102" and not f.gradient)]
    contract = [f.code for f in said if f.code in ("GC102", "GC104") and f.severity == "error"]
    causes = [
        f.code
        for f in said
        if f.code.startswith("GC2") and f.code != "GC299" and (f.severity == "error" or f.code == "GC201")
    ]
    others = [code for names, codes in seen.others if name in names for code in codes]
    return contract + causes + others


@dataclass
class _Seen:
    """What the search for causes found and took while a check ran."""

    seconds: float = 0.0
    others: list[tuple[Sequence[str], list[str]]] = field(default_factory=list)


@contextmanager
def _watched() -> Iterator[_Seen]:
    seen = _Seen()
    search, causes_of = gradcheck.causes.search, gradcheck.examine.causes_of

    def searching(case: Any, *args: Any, **kwargs: Any) -> Any:
        found = search(case, *args, **kwargs)
        for explanation in found:
            names = [case.called(n) for n in explanation.names]
            seen.others.append((names, [other.code for other in explanation.others]))
        return found

    def timed(*args: Any, **kwargs: Any) -> Any:
        started = time.process_time()
        try:
            return causes_of(*args, **kwargs)
        finally:
            seen.seconds += time.process_time() - started

    gradcheck.causes.search = searching  # type: ignore[assignment]  # put back below
    gradcheck.examine.causes_of = timed  # type: ignore[assignment]
    try:
        yield seen
    finally:
        gradcheck.causes.search = search  # type: ignore[assignment]
        gradcheck.examine.causes_of = causes_of  # type: ignore[assignment]
