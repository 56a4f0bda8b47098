"""The contract of a backward, as one call shows it: what it must give, and what it must leave alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.difference import all_finite
from gradcheck.layers import faults
from gradcheck.layers.problem import Variable
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.subject import Array, Yours

__all__ = ["check_gradients_given", "without_mere_names"]


def without_mere_names(findings: Sequence[Finding], gradients: Sequence[GradientResult]) -> list[Finding]:
    """Without an order that only names tell, where all gradients are right as they stand: the names are wrong then."""
    judged = [g.verdict for g in gradients if g.verdict != "not differentiated"]
    if not judged or any(verdict != "right" for verdict in judged):
        return list(findings)
    return [f for f in findings if f.code != "GC102" or not any(e.startswith(faults.BY_NAMES) for e in f.evidence)]


def check_gradients_given(
    yours: Yours, variables: Sequence[Variable], values: dict[str, Array], layer: str
) -> list[Finding]:
    """The faults to be seen in one call: number, None, shape, dtype, NaN, and arrays written to."""
    found = [replace(fault, layer=layer) for fault in yours.faults]
    # one that is not there at all, or on another device, has been told already
    missing = {f.gradient for f in found if f.code in ("GC103", "GC155") and f.severity == "error"}
    for v in variables:
        if v.name in values and v.gradient not in missing and not any(f.code == "GC101" for f in found):
            found += _of_one(yours, v, values[v.name], layer)
    by_backward = [w.partition(":")[2] for w in yours.written if w.startswith("backward:")]
    by_forward = [w.partition(":")[2] for w in yours.written if w.startswith("forward:")]
    for what in by_backward:
        upstream = what.startswith("upstream")
        name = "the upstream gradient" if upstream else what
        found.append(
            Finding(
                "GC107" if upstream else "GC106",
                "error",
                f"backward writes into {name}",
                layer,
                evidence=(f"{name} has other values after backward than before it",),
                help=("work on a copy: an in-place operation (+=, *=, x[mask] = 0, out=) changes the caller's array",),
            )
        )
    found += [
        Finding(
            "GC109",
            "warning",
            f"forward writes into its input {name}",
            layer,
            evidence=(f"{name} has other values after forward than before it",),
            help=("a layer before this one may need the values that are overwritten here; work on a copy",),
        )
        for name in by_forward
    ]
    if yours.aliases and not by_backward and not by_forward:
        found.append(_alias(yours.aliases, layer))
    return found


def _alias(pairs: Sequence[tuple[str, str]], layer: str) -> Finding:
    """Not a fault by itself: nothing was written into either of the two during the check."""
    said = [f"{one} and {other}" for one, other in pairs]
    return Finding(
        "GC115",
        "info",
        f"shares memory: {'; '.join(said[:4])}" + (f" and {len(said) - 4} more pairs" if len(said) > 4 else ""),
        layer,
        evidence=("one is the other, or a view of it: +=, out= or x[...] = on the one changes both",),
        help=("harmless while nobody writes into either; return a .copy() where somebody may",),
    )


def _of_one(yours: Yours, v: Variable, value: Array, layer: str) -> Iterator[Finding]:
    raw, given = yours.raw.get(v.name), yours.gradients.get(v.name)
    if raw is None:
        yield Finding(
            "GC103",
            "error",
            f"backward gives no gradient for {v.name}",
            layer,
            v.gradient,
            help=(f"return {v.gradient}, or name {v.name} in constants=[...] if it needs none",),
        )
        return
    if given is None:
        yield Finding(
            "GC104", "error", f"{v.gradient} is a {type(raw).__name__}, not an array of numbers", layer, v.gradient
        )
        return
    if given.shape != value.shape:
        yield _shape_finding(v, value.shape, given.shape, layer)
    if given.dtype.kind != "f":
        yield Finding(
            "GC105",
            "error",
            f"{v.gradient} is of integers ({given.dtype}); {v.name} is {value.dtype}",
            layer,
            v.gradient,
            help=("make the array that it is written into a float array: np.zeros(shape), not a list of ints",),
        )
    elif np.finfo(given.dtype).eps > np.finfo(value.dtype).eps or _is_bfloat16(raw, v, value):
        dtype = "bfloat16" if _is_bfloat16(raw, v, value) else given.dtype
        yield Finding(
            "GC105",
            "warning",
            f"{v.gradient} is {dtype}, of lower precision than {v.name} ({value.dtype})",
            layer,
            v.gradient,
            help=("a buffer or cast to a lower precision on the way loses digits",),
        )
    bad = 0 if all_finite(given) else given.size - int(np.count_nonzero(np.isfinite(given)))
    if bad:
        first = tuple(int(i) for i in np.argwhere(~np.isfinite(given))[0])
        yield Finding(
            "GC114",
            "error",
            f"{v.gradient} has NaN or infinite entries: {bad} of {given.size}",
            layer,
            v.gradient,
            evidence=(f"the first is {v.gradient}[{', '.join(map(str, first))}] = {given[first]}",),
        )


def _is_bfloat16(raw: object, v: Variable, value: Array) -> bool:
    """Whether a tensor of bfloat16, which is a float32 array here, was given for an array of more digits."""
    return str(getattr(raw, "dtype", "")) == "torch.bfloat16" and not v.is_bfloat16 and value.itemsize > 2


def _shape_finding(v: Variable, want: tuple[int, ...], got: tuple[int, ...], layer: str) -> Finding:
    title = f"{v.gradient} has shape {got}, {v.name} has shape {want}"
    try:
        together = np.broadcast_shapes(want, got)
    except ValueError:
        return Finding("GC104", "error", title, layer, v.gradient, help=(f"a gradient has its array's shape: {want}",))
    if together == want and np.prod(got) == np.prod(want):
        return Finding(
            "GC104",
            "warning",
            title,
            layer,
            v.gradient,
            evidence=("the values are the same numbers, and an update broadcasts them as meant",),
            help=(f"reshape it to {want} (or sum with keepdims=True)",),
        )
    added = " and ".join(str(axis) for axis in range(len(got) - len(want)))
    note = f"broadcasting hides this: {v.name} - lr * {v.gradient} would have shape {together}"
    advice = f"sum over the axes that {v.name} was broadcast along" + (f", here axis {added}" if added else "")
    return Finding("GC104", "error", title, layer, v.gradient, evidence=(note,), help=(advice,))
