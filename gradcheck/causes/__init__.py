"""Why a gradient is wrong: the reference is changed one way at a time until it is wrong in the same way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.causes.other_shape import transposed
from gradcheck.causes.search import search
from gradcheck.causes.words import finding
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.report import Finding, GradientResult

__all__ = ["causes_of", "difference_of"]


def causes_of(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """What explains the wrong gradients of a check, a finding a fault; nothing for those that nothing explains."""
    yours, true = {}, {}
    turned: list[Finding] = []
    truth = "the reference" if evidence.subject.truth == "reference" else "autograd"
    for result in gradients:
        given, wanted = evidence.yours.gradients.get(result.of), evidence.autograd.get(result.of)
        if given is None or wanted is None:
            continue
        if given.shape != wanted.shape:
            turned += transposed(given, wanted, result.name, layer, truth) if result.verdict == "wrong" else []
            continue
        if np.all(np.isfinite(given)) and np.all(np.isfinite(wanted)):
            yours[result.of], true[result.of] = given.astype(np.float64), wanted.astype(np.float64)
    wrong = [r.of for r in gradients if r.verdict == "wrong" and r.of in yours and r.compared_with != "numeric"]
    if not wrong:
        return turned
    subject = evidence.subject
    rounding = {n: subject.gradient_rounding(n) for n in yours}
    names = {r.of: r.name for r in gradients}
    case = Case(subject, evidence.values, evidence.upstreams, yours, true, rounding, names)
    return turned + [finding(case, found, layer, truth) for found in search(case, wrong)]


def difference_of(
    yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object, layer: str = ""
) -> list[Finding]:
    """How one array differs from another, both at hand; an empty list where no known change makes one of the other."""
    if yours.shape != true.shape:
        return list(transposed(yours, true, name, layer, "the true gradient"))
    if not (np.all(np.isfinite(yours)) and np.all(np.isfinite(true))):
        return []
    values = {label: np.asarray(value) for label, value in inputs.items()}
    upstreams = [] if upstream is None else [np.asarray(upstream)]
    case = Case(None, values, upstreams, {name: yours.astype(np.float64)}, {name: true.astype(np.float64)})
    return [finding(case, found, layer, "the true gradient") for found in search(case, [name])]
