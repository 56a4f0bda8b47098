"""What was done to a gradient array: scaled, negated, transposed, flipped, shifted, cut to one sample."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.report import Finding
from gradcheck.witnesses.subject import Array

__all__ = ["Change", "explain"]

_EXACT = 1e-6


@dataclass(frozen=True)
class Change:
    """One way to be wrong: what the true gradient turns into, and how to say and mend it."""

    code: str
    says: str
    array: Array
    help: str


def explain(
    yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object, layer: str = ""
) -> list[Finding]:
    """The one change that turns ``true`` into ``yours`` to rounding, as a finding; an empty list where none does."""
    if not (np.all(np.isfinite(yours)) and np.all(np.isfinite(true))):
        return []
    yours, true = yours.astype(np.float64), true.astype(np.float64)
    left = [
        (relative_error(change.array, yours), change)
        for change in _changes(yours, true, name, inputs, upstream)
        if change.array.shape == yours.shape
    ]
    if not left:
        return []
    left.sort(key=lambda pair: pair[0])
    rest, best = left[0]
    if rest > _EXACT:
        return []
    out = [f"{c.says} ({100 * r:.0f} % left)" if r < 1 else c.says for r, c in left[1:] if r > _EXACT][:3]
    return [
        Finding(
            best.code,
            "error",
            f"{name} is {best.says}",
            layer,
            name,
            evidence=(f"with that one change the true gradient equals yours to {max(rest, 1e-16):.0e}",),
            ruled_out=tuple(out),
            help=(best.help,),
        )
    ]


def _changes(yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object) -> Iterator[Change]:
    yield Change("GC202", "the negative of the true gradient", -true, "change the sign")
    if not np.any(yours):
        yield Change("GC205", "zero", np.zeros_like(true), "nothing reaches it: it is not computed, or is overwritten")
    yield from _transposed(true)
    yield from _flipped(true)
    yield from _ratio(yours, true, name, inputs, upstream)


def _ratio(yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object) -> Iterator[Change]:
    length = norm(true)
    if yours.shape != true.shape or length == 0 or yours.size < 2:
        return  # a single number is a multiple of any other: that explains nothing
    ratio = float(np.vdot(true / length, yours / length))
    if not 1e-9 < abs(ratio) < 1e9 or abs(abs(ratio) - 1) < 1e-5:
        return
    meaning = _meaning(abs(ratio), inputs, upstream)
    shown = _as_fraction(ratio)
    says = f"{shown} times the true gradient{meaning}"
    yield Change("GC201", says, ratio * true, f"multiply {name} by {_as_fraction(1 / ratio)}")


def _meaning(ratio: float, inputs: Mapping[str, object], upstream: object) -> str:
    """What a factor may stand for: a length of one of the arrays, or one over it."""
    shapes = {label: np.asarray(value).shape for label, value in inputs.items()}
    given = None if upstream is None else np.asarray(upstream).shape
    batch = given[0] if given else 0
    sizes: dict[str, int] = {}
    if batch and any(shape and shape[0] == batch for shape in shapes.values()):
        sizes["the batch size"] = batch
    else:
        sizes |= {
            f"the length of axis {k} of {label}": n for label, shape in shapes.items() for k, n in enumerate(shape)
        }
    if given is not None:
        sizes |= {f"the length of axis {k} of the output": n for k, n in enumerate(given) if k}
        if len(given) >= 3:
            sizes["the number of positions of the output"] = math.prod(given[2:] or given[1:])
            sizes["the batch size times the number of positions"] = batch * math.prod(given[2:] or given[1:])
    found = []
    for what, n in sizes.items():
        if n > 1 and math.isclose(ratio, n, rel_tol=1e-6):
            found.append(f"{what}, {n}")
        elif n > 1 and math.isclose(ratio, 1 / n, rel_tol=1e-6):
            found.append(f"one over {what}, {n}")
    return f" ({' or '.join(found[:3])})" if found else ""


def _as_fraction(value: float) -> str:
    if math.isclose(value, round(value), rel_tol=1e-9) and abs(value) < 1e9:
        return str(round(value))
    if value != 0 and math.isclose(1 / value, round(1 / value), rel_tol=1e-9) and abs(1 / value) < 1e9:
        return f"{'-' if value < 0 else ''}1/{abs(round(1 / value))}"
    return f"{value:.6g}"


def _transposed(true: Array) -> Iterator[Change]:
    if true.ndim == 2:
        yield Change(
            "GC203", "the transpose of the true gradient", true.T, "swap the two factors, or transpose the result"
        )
        turned = true.T.reshape(true.shape)
        yield Change("GC203", "reshaped where a transpose was meant", turned, "use .T in place of reshape")
    elif 2 < true.ndim <= 4:
        for axes in itertools.permutations(range(true.ndim)):
            if axes != tuple(range(true.ndim)):
                says = f"the true gradient with axes permuted to {axes}"
                yield Change("GC203", says, true.transpose(axes), "permute the axes back")


def _flipped(true: Array) -> Iterator[Change]:
    axes = [k for k, n in enumerate(true.shape) if n > 1]
    for count in range(1, min(len(axes), 4) + 1):
        for chosen in itertools.combinations(axes, count):
            rotated = count == 2 and chosen == tuple(axes[-2:])
            which = " and ".join(str(a) for a in chosen)
            says = f"the true gradient flipped along ax{'e' if count > 1 else 'i'}s {which}"
            if rotated:
                says += " (rotated by 180°)"
            yield Change("GC204", says, np.flip(true, chosen), "flip neither the input nor the delta here")
