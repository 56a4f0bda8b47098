"""The first call of all as a part of the check, where what follows it shows nothing amiss.

The forward and backward that taught the calling style are asked once more after a forward at other values: an answer
that is kept, accumulated, or not linear shows. Where the forward takes no decision that depends on its data, the other
values can lie so near that the difference of the two forwards is the numeric derivative as well.
"""

from __future__ import annotations

import math

import numpy as np

from gradcheck.diagnosis.called_again import other_values, scales_of
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.joint import TARGET, Joint, planned
from gradcheck.witnesses.numeric import Estimate
from gradcheck.witnesses.subject import Subject, Values, Yours

__all__ = ["begun", "confirmed"]

# A step of this length (relative to the size of the arrays) along the joint direction; no longer than the second,
# where the curvature of a forward begins to show beside what is asked of the slope.
_SHORTEST, _LONGEST = 1e-6, 1e-5


def begun(subject: Subject, values: Values, rng: np.random.Generator) -> Evidence | None:
    """What the first call gave, and autograd for it; None where there was none that can be used."""
    first = subject.first
    if first is None or not subject.repeatable:
        return None
    reference = subject.autograd(values, first.upstreams)
    yours = Yours(first.outputs, {}, first.gradients, upstreams=first.upstreams)
    return Evidence(subject, dict(values), first.upstreams, yours, reference, rng, called_again=True)


def confirmed(evidence: Evidence) -> bool:
    """Whether further calls give what the first gave; then they have answered for it in ``evidence``."""
    subject, values = evidence.subject, evidence.values
    scales = scales_of(subject, evidence.yours.outputs)
    joint = planned(evidence, list(values)) if _is_smooth(evidence) else None
    step = None if joint is None else _step(evidence, joint)
    if joint is None or step is None:
        again = subject.repeated(other_values(values, evidence.rng), values, scales)
    else:
        moved = {n: np.multiply(v, step, out=np.empty(v.shape)) for n, v in joint.direction.items()}
        for n, v in moved.items():
            v += values[n]
        again = subject.repeated(moved, values, scales, near=True)
        evidence.planned = joint
        if again is None:  # a kernel that rounds otherwise from call to call, say
            step = None
            again = subject.repeated(other_values(values, evidence.rng), values, scales)
    if again is None:
        return False
    evidence.yours = again.yours
    if joint is not None and step is not None:
        slope, noise = evidence.numeric.one_step(evidence.yours.outputs, again.elsewhere, step)
        target = TARGET * joint.total
        # as for a first step on both sides: a wrong value would have to lie there by chance
        if slope != 0 and abs(slope - joint.told) + 2 * noise <= target:
            evidence.stepped = Estimate(slope, target)
    return True


def _is_smooth(evidence: Evidence) -> bool:
    """Whether a small change of the inputs shows in all that is kept of them, and one side is like the other."""
    reference = evidence.reference
    return (
        reference.gradients is not None
        and not reference.leaks
        and reference.branches == ()
        and not evidence.small()
        and all(a.dtype == np.float64 for a in (*evidence.values.values(), *evidence.yours.outputs))
    )


def _step(evidence: Evidence, joint: Joint) -> float | None:
    """A step at which rounding is a tenth of what is asked for; None where that is too long."""
    step = max(_SHORTEST, 2 * evidence.numeric.rounding(evidence.yours.outputs) / (0.1 * TARGET * joint.total))
    return step if math.isfinite(step) and step <= _LONGEST else None
