"""A wrong gradient of which nothing could be said so far: a report says at least that no cause is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.report import Finding, GradientResult

__all__ = ["without_cause"]


def without_cause(
    evidence: Evidence, gradients: Sequence[GradientResult], found: Sequence[Finding], layer: str
) -> list[Finding]:
    """The findings for the wrong gradients that none of ``found`` speaks of.

    Of what has another shape or is not finite the contract tells; of what autograd makes of a module, the report says
    where to look.
    """
    if evidence.subject.witnesses == "two":
        return []
    said = {name for one in found for name in one.gradient.split(", ")}
    made = []
    for result in gradients:
        given = evidence.yours.gradients.get(result.of)
        if result.verdict != "wrong" or result.name in said or given is None:
            continue
        if given.shape == evidence.values[result.of].shape and np.all(np.isfinite(given)):
            how = result.reason or "it is off along the directions that were asked"
            title = f"{result.name} is wrong, and the cause is not known: {how}"
            made.append(Finding("GC299", "info", title, layer, result.name))
    return made
