"""The first call of all as a part of the check, where what follows it shows nothing amiss.

The forward and backward that taught the calling style are asked once more after a forward at other values: an answer
that is kept, accumulated, or not linear shows. Where the forward takes no decision that depends on its data, the other
values can lie so near that the difference of the two forwards is the numeric derivative as well.
"""

from __future__ import annotations

import numpy as np

from gradcheck.diagnosis.called_again import other_values, scales_of
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.witnesses.subject import Subject, Values, Yours

__all__ = ["begun", "confirmed"]


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
    again = None
    step = evidence.one_step() if evidence.reference.branches == () else None
    if step is not None:
        again = subject.repeated(step.moved(values), values, scales, near=True)
    if again is None:  # or a kernel rounds otherwise from call to call
        step, again = None, subject.repeated(other_values(values, evidence.rng), values, scales)
    if again is None:
        return False
    evidence.yours = again.yours
    if step is not None:
        step.taken(evidence, again.elsewhere)
    return True
