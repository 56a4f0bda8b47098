"""Inputs of one sign only: what a gradient does at the other sign is not seen in them, and may not matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.other_points import can_be_asked, wrong_there
from gradcheck.diagnosis.second_point import wrong_at_both_signs
from gradcheck.report import Finding, GradientResult

__all__ = ["check_other_sign"]


def check_other_sign(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """A remark for each gradient that is right here, where an input has one sign, and wrong where it has both.

    A remark only: a ReLU that forgot its mask looks like this when it is tried on positive numbers, and so does a right
    cross-entropy that clips its probabilities to (0, 1).
    """
    if not evidence.small():
        return []
    one_sided = [
        n for n, v in evidence.values.items() if v.size > 1 and np.ptp(v) > 0 and (v.min() >= 0 or v.max() <= 0)
    ]
    if not one_sided or evidence.tied() or any(g.verdict in ("wrong", "undecided") for g in gradients):
        return []
    which = " and ".join(one_sided)
    sign = "positive" if all(evidence.values[n].max() > 0 for n in one_sided) else "of one sign"
    off = _wrong(evidence, one_sided)
    return [
        Finding(
            "GC117",
            "info",
            f"{g.name} is right at these inputs, and wrong where {which} has entries of both signs",
            layer,
            g.name,
            evidence=(off[g.of],),
            help=(f"if {which} is not always {sign}, check with entries of both signs; if it is, nothing is wrong",),
        )
        for g in gradients
        if g.of in off
    ]


def _wrong(evidence: Evidence, one_sided: Sequence[str]) -> dict[str, str]:
    """The gradients that are wrong at both signs, and how: beside autograd, or beside differences of the forward."""
    if evidence.autograd and not evidence.reference.leaks:
        off = wrong_at_both_signs(evidence, one_sided)
        return {n: f"its relative error is {there.relative_error:.2g} there" for n, there in off.items()}
    if not can_be_asked(evidence):
        return {}
    turned = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    for n in one_sided:
        turned[n] = turned[n] * evidence.rng.choice([-1.0, 1.0], turned[n].shape)
    return wrong_there(evidence, turned, [u.astype(np.float64) for u in evidence.upstreams]) or {}
