"""A number that is exactly 1 or 0 (``scale=1.0``, ``reg=0.0``): a backward that leaves it out is right there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.patience import at_most

__all__ = ["check_neutral_scalars"]

_MOST, _PATIENCE = 6, 2.0


def check_neutral_scalars(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """A warning for gradients that are wrong once such a number is another, and the forward with it.

    Options that are left at their defaults are asked as those given. Whole numbers are left alone: an axis or a stride
    of 1 is no factor. What the forward does not use, or refuses to take, is passed over; where an attribute belongs to
    others that go with it (a scale and its inverse) nothing may be wrong, and the help says so.
    """
    subject = evidence.subject
    numbers = subject.neutral_scalars() if evidence.small() and can_be_asked(evidence) else []
    for slot, was, other in numbers[:_MOST]:
        with subject.altered(slot, other):
            if not _changes(evidence):
                continue
            wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
            off = wrong_there(evidence, wide, drawn_for(evidence, evidence.upstreams)) or {}
        wrong = [g for g in gradients if g.of in off]
        if wrong:
            how = f"right here, where {slot.path} is {was:g}, and wrong where it is {float(other):g}"
            remedy = f"check with {slot.path} neither 0 nor 1; if it must stay {was:g}, nothing is wrong"
            return [hidden(wrong, how, [f"{g.name}: {off[g.of]}" for g in wrong], remedy, layer)]
    return []


def _changes(evidence: Evidence) -> bool:
    """Whether the forward gives something else now, of the same shapes."""
    try:
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            outputs = evidence.subject.forward(evidence.values)
    except Exception:
        return False
    known = evidence.yours.outputs
    same = len(outputs) == len(known) and all(a.shape == b.shape for a, b in zip(outputs, known, strict=True))
    return same and not all(map(np.array_equal, outputs, known))
