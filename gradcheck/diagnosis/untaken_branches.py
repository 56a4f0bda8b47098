"""A side of np.where, np.clip or np.maximum that no entry takes: what the backward does there is not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.enumerated import enumerated
from gradcheck.report import Finding, GradientResult
from gradcheck.trace import Sides, Site, listening
from gradcheck.witnesses.patience import at_most
from gradcheck.witnesses.subject import Array, Values

__all__ = ["check_untaken_branches"]

# Values that large are tried, in units of the size of each array.
_SCALES = (1.0, 10.0, 100.0, 1000.0)
_PATIENCE = 2.0
_FEW = 3


def check_untaken_branches(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """A warning for gradients that are wrong where the other side is taken; a remark where no values tried take it.

    Asked of small layers whose forward was followed, and only where the other point that was looked at (see
    second_point) did not take the side either. Guards (``np.maximum(p, 1e-12)``) do not count.
    """
    one_sided = [s for s, (_, sides) in evidence.sides.items() if len(sides) == 1]
    if not one_sided or not evidence.small() or not can_be_asked(evidence):
        return []
    here = _sides_at(evidence, {n: v.astype(np.float64) for n, v in evidence.values.items()})
    untaken = {s: here[s] for s in one_sided if s in here and len(here[s][1]) == 1 and here[s] == evidence.sides[s]}
    for scale in _SCALES if untaken else ():
        values = _larger(evidence, scale)
        there = _sides_at(evidence, values)
        reached = {s for s, (_, sides) in untaken.items() if s in there and len(there[s][1] | sides) > 1}
        if not reached:
            continue
        off = wrong_there(evidence, values, drawn_for(evidence, evidence.upstreams))
        if off is None:
            continue
        wrong = [g for g in gradients if g.of in off]
        if wrong:
            return [_wrong(untaken, reached, wrong, off, scale, layer)]
        untaken = {s: found for s, found in untaken.items() if s not in reached}
    if untaken:  # at both signs a wrong gradient is told as that (see one_sided_inputs)
        there = _sides_at(evidence, _larger(evidence, 1.0, both_signs=True))
        untaken = {s: found for s, found in untaken.items() if s not in there or len(there[s][1] | found[1]) == 1}
    return [_unseen(untaken, layer)] if untaken else []


def _sides_at(evidence: Evidence, values: Values) -> Sides:
    with listening() as heard, np.errstate(all="ignore"):
        try:
            with at_most(_PATIENCE):
                evidence.subject.autograd(values, evidence.upstreams)
        except Exception:  # values that the forward does not take
            return {}
    return heard


def _larger(evidence: Evidence, scale: float, both_signs: bool = False) -> dict[str, Array]:
    """Fresh values ``scale`` times the size of each array; what has one sign keeps it, and probabilities stay so."""
    drawn = {}
    for name, value in evidence.values.items():
        wide = value.astype(np.float64)
        size = float(np.sqrt(np.mean(np.square(wide)))) or 1.0
        noise = scale * size * np.asarray(evidence.rng.standard_normal(value.shape))
        one_sided = bool(np.any(wide)) and not wide.min(initial=0.0) < 0 < wide.max(initial=0.0)
        if one_sided and not both_signs:
            drawn[name] = wide if np.abs(wide).max() <= 1 else np.sign(np.sum(wide)) * np.abs(noise)
        else:
            drawn[name] = noise
    return drawn


def _wrong(
    untaken: Mapping[Site, tuple[str, set[int]]],
    reached: set[Site],
    wrong: Sequence[GradientResult],
    off: Mapping[str, str],
    scale: float,
    layer: str,
) -> Finding:
    first = min(reached, key=_line)
    at = f"values {scale:g} times as large" if scale > 1 else "other values"
    return hidden(
        wrong,
        f"right here, and wrong where {_told(untaken, sorted(reached, key=_line))} takes another side",
        ("no entry takes that side here", *(f"at {at} {g.name}: {off[g.of]}" for g in wrong)),
        "check at inputs of which some take each side; if none ever does, nothing is wrong",
        layer,
        where=first.where,
    )


def _unseen(untaken: Mapping[Site, tuple[str, set[int]]], layer: str) -> Finding:
    sites = sorted(untaken, key=_line)
    return Finding(
        "GC143",
        "info",
        f"{_told(untaken, sites)} takes one side for all entries: the backward of the other is not tested",
        layer,
        help=("give inputs of which some take each side",),
    )


def _told(untaken: Mapping[Site, tuple[str, set[int]]], sites: Sequence[Site]) -> str:
    lines = list(dict.fromkeys((untaken[site][0], site.line) for site in sites))
    told = [f"{name} (line {line})" for name, line in lines[:_FEW]]
    return enumerated(told) if len(lines) <= _FEW else f"{', '.join(told)} and {len(lines) - _FEW} more"


def _line(site: Site) -> int:
    return site.line
