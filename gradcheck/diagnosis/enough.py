"""Whether a check has seen enough: what it would have caught, against what the caller asked for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.power import stated
from gradcheck.diagnosis.tolerance import Limits, lowest
from gradcheck.power import Power, percent
from gradcheck.report import Finding, GradientResult

__all__ = ["with_power"]


def with_power(
    evidence: Evidence, results: Sequence[GradientResult], limits: Limits, layer: str
) -> tuple[list[GradientResult], list[Finding]]:
    """The results with the power of each, undecided where that is less than was asked for; and what is said of it.

    A gradient that is zero but for rounding has no entry of typical size, and nothing is asked of it.
    """
    told: list[GradientResult] = []
    found: list[Finding] = []
    for result in results:
        power = stated(evidence, result, limits)
        shown = replace(result, power=power)
        if limits.power is not None and result.verdict == "right" and _is_less(power, limits.power):
            shown = replace(shown, verdict="undecided", reason=f"not enough evidence: {_reached(power)}")
            found.append(_not_enough(evidence, shown, limits, layer))
        told.append(shown)
    return told, found


def _is_less(power: Power | None, asked: float) -> bool:
    return power is None or (power.typical is not None and power.typical > asked)


def _reached(power: Power | None) -> str:
    if power is None or power.typical is None or not math.isfinite(power.typical):
        return "what would have been caught is not known"
    return f"a single entry may be off by {percent(power.typical)}"


def _not_enough(evidence: Evidence, result: GradientResult, limits: Limits, layer: str) -> Finding:
    asked = limits.power or 0.0
    power = result.power
    if power is None or power.typical is None:
        title = f"not enough evidence for {result.name}: nothing tells what would have been caught"
        seen: tuple[str, ...] = ()
    else:
        title = (
            f"not enough evidence for {result.name}: an entry off by less than {percent(power.typical)} "
            f"would not have been seen, and {percent(asked)} was asked for"
        )
        how = (
            f"{power.probes} random probe{'s' if power.probes > 1 else ''} of {_entries(result)}, probability 0.999"
            if power.probes
            else f"compared entry by entry, to {power.norm:.1e} of its norm; {_entries(result)}"
        )
        seen = (f"{how}; in per cent of an entry of typical size (root mean square)",)
    return Finding("GC140", "warning", title, layer, result.name, evidence=seen, help=_help(evidence, result, limits))


def _help(evidence: Evidence, result: GradientResult, limits: Limits) -> tuple[str, ...]:
    asked, power = limits.power or 0.0, result.power
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


def _entries(result: GradientResult) -> str:
    size = math.prod(result.shape)
    return f"{size:,} entr{'y' if size == 1 else 'ies'}"
