"""Whether a check has seen enough: what it would have caught, against what the caller asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.power import stated
from gradcheck.diagnosis.tolerance import Limits, lowest
from gradcheck.enumerated import enumerated
from gradcheck.power import Power, percent
from gradcheck.report import Finding, GradientResult

__all__ = ["with_power"]


def with_power(
    evidence: Evidence, results: Sequence[GradientResult], limits: Limits, layer: str
) -> tuple[list[GradientResult], list[Finding]]:
    """The results with the power of each, undecided where that is less than was asked for; and what is said of it.

    A gradient that is zero but for rounding has no entry of typical size, and nothing is asked of it.
    """
    told = [replace(result, power=stated(evidence, result, limits)) for result in results]
    asked = limits.power
    if asked is None:
        return told, []
    lacking = [g for g in told if g.verdict == "right" and _is_less(g.power, asked)]
    undecided = [
        replace(g, verdict="undecided", reason=f"not enough evidence: {_reached(g.power)}") if g in lacking else g
        for g in told
    ]
    return undecided, [_not_enough(evidence, lacking, asked, limits, layer)] if lacking else []


def _is_less(power: Power | None, asked: float) -> bool:
    return power is None or (power.typical is not None and power.typical > asked)


def _reached(power: Power | None) -> str:
    if power is None or power.typical is None or not math.isfinite(power.typical):
        return "what would have been caught is not known"
    return f"a single entry may be off by {percent(power.typical)}"


def _not_enough(
    evidence: Evidence, lacking: Sequence[GradientResult], asked: float, limits: Limits, layer: str
) -> Finding:
    names = [g.name for g in lacking]
    listed = enumerated(names)
    reached = [g.power.typical for g in lacking if g.power is not None and g.power.typical is not None]
    seen = f"an entry off by less than {percent(max(reached))}" if reached else "what would have been seen is not known"
    title = f"not enough evidence for {listed}: {seen}"
    title += f" would not have been seen, and {percent(asked)} was asked for" if reached else ""
    helps = dict.fromkeys(line for g in lacking for line in _help(evidence, g, asked, limits))
    return Finding(
        "GC140", "warning", title, layer, ", ".join(names), evidence=tuple(map(_seen, lacking)), help=tuple(helps)
    )


def _seen(result: GradientResult) -> str:
    """By what, and down to what, a gradient was looked at."""
    power, size = result.power, math.prod(result.shape)
    if power is None or power.typical is None:
        return f"{result.name}: nothing tells what would have been seen"
    if power.probes:
        how = f"{power.probes} random probe{'s' if power.probes > 1 else ''}, probability {power.probability:g}"
    else:
        how = f"compared entry by entry, to {power.norm:.1e} of its norm"
    return f"{result.name}: {percent(power.typical)} of a typical entry (root mean square) of {size:,}; {how}"


def _help(evidence: Evidence, result: GradientResult, asked: float, limits: Limits) -> tuple[str, ...]:
    power = result.power
    told = []
    low = lowest(evidence.values[result.of].dtype, evidence.yours.outputs)
    if limits.rtol is not None or limits.atol is not None:
        told.append("leave out rtol= and atol=, which allow as much, or give smaller ones")
    elif low != np.float64:
        told.append(f'check in float64 (dtype="float64"): in {low} so much is rounding')
    if power is not None and power.probes:
        told.append(
            "let every entry be compared: a forward that PyTorch can follow, or reference=, the same layer as a "
            "function of torch tensors"
            if evidence.subject.witnesses != "two"
            else "check the hand-written functions in it one by one: autograd of a module has one witness, these probes"
        )
    if power is not None and power.probes and limits.rtol is None and evidence.subject.witnesses != "two":
        told.append("give rtol=: without it 1e-06 of a gradient's norm is allowed along a probe")
    size = math.prod(result.shape)
    if power is not None and power.typical is not None and size > 1:
        # what is seen in a single entry grows with the root of their number
        enough = int(size * (asked / power.typical) ** 2)
        if enough >= 2:
            told.append(f"check a smaller {result.of}: up to about {enough:,} entries for as much as was asked")
    return tuple(told) or ("ask for less: power= is a share of an entry of typical size",)
