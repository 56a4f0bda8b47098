"""Why a gradient is wrong: the reference is changed one way at a time until it is wrong in the same way."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.causes.attempt import attempted, worked_out
from gradcheck.causes.beside_kinks import beside, off_in
from gradcheck.causes.by_differences import known_by_differences
from gradcheck.causes.candidate import Array
from gradcheck.causes.case import EXACT, Case
from gradcheck.causes.crossed_shapes import crossed_shapes
from gradcheck.causes.fresh import case_at
from gradcheck.causes.no_cause import without_cause
from gradcheck.causes.other_shape import transposed
from gradcheck.causes.patterns import unexplained
from gradcheck.causes.search import Explanation, search
from gradcheck.causes.sized import settled
from gradcheck.causes.words import finding
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.outcome.waiting import told_while_waiting
from gradcheck.report import Finding, GradientResult

__all__ = ["causes_of", "difference_of"]

_CLOSER = 0.01
_BESIDE = "seen a thousandth beside the values given, which stand on a kink"


def causes_of(
    evidence: Evidence, gradients: Sequence[GradientResult], layer: str, budget: int | None = None
) -> list[Finding]:
    """What explains the wrong gradients of a check, a finding a fault; where nothing does, how they are wrong.

    ``budget`` is how many evaluations of the reference may be spent on it.
    """
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
        if np.all(np.isfinite(given)):
            yours[result.of] = given.astype(np.float64, copy=False)
            true[result.of] = wanted.astype(np.float64, copy=False)
    wrong = [r.of for r in gradients if r.verdict == "wrong" and r.of in yours and _differs(evidence, r)]
    found = turned
    if wrong:
        undecided = [r.of for r in gradients if r.verdict == "undecided" and r.of in yours]
        rounding = {n: evidence.subject.gradient_rounding(n) for n in yours}
        names = {r.of: r.name for r in gradients}
        case = Case(evidence.subject, evidence.values, evidence.upstreams, yours, true, rounding, names)
        found = [*turned, *_findings_of(case, evidence, wrong, undecided, layer, truth, budget)]
    alone = known_by_differences(evidence, gradients) if budget != 0 else None
    if alone is not None:
        found += _findings(alone, list(alone.rounding), layer, "numeric differentiation", budget)
    return [*found, *(without_cause(evidence, gradients, found, layer) if budget != 0 else [])]


def _findings_of(
    case: Case,
    evidence: Evidence,
    wrong: Sequence[str],
    undecided: Sequence[str],
    layer: str,
    truth: str,
    budget: int | None,
) -> list[Finding]:
    """What explains gradients that differ from the reference's: beside the values given where these are at a kink."""
    found: list[Finding] = []
    left = list(wrong)
    finite = {n: g for n, g in case.true.items() if np.all(np.isfinite(g))}
    there = beside(case) if budget != 0 and (set(wrong) - set(finite) or evidence.tied()) else None
    off = [] if there is None else off_in(there, wrong)
    if there is not None and off:
        # at a kink nobody knows of an undecided one whether it is wrong; beside it that is seen
        for one in _findings(there, [*off, *off_in(there, undecided)], layer, truth, budget):
            names = [n for n in off if case.called(n) in one.gradient.split(", ")]
            if names and one.code != "GC299":
                found.append(replace(one, evidence=(*one.evidence, _BESIDE)))
                left = [n for n in left if n not in names]
    rest = _where_finite(case)
    case = replace(case, yours={n: case.yours[n] for n in finite}, true=finite)
    broken, left = [n for n in left if n not in finite], [n for n in left if n in finite]
    hidden = [n for n in left if n in evidence.elsewhere() and case.explains(n, case.true[n])]
    seen = [n for n in left if n not in hidden]
    return [
        *found,
        *(_findings(case, seen, layer, truth, budget) if seen else []),
        *(_findings(rest, broken, layer, truth, budget) if broken else []),
        *_findings_elsewhere(case, evidence, hidden, layer, truth, budget),
    ]


def _where_finite(case: Case) -> Case:
    """``case`` compared in those entries alone in which the true gradient is a number."""
    true = {n: np.where(np.isfinite(g), g, case.yours[n]) for n, g in case.true.items()}
    return Case(None, case.values, case.upstreams, case.yours, true, case.rounding, case.names)


def _differs(evidence: Evidence, result: GradientResult) -> bool:
    """Whether a wrong gradient was found to be another than the reference's, so that there is a difference to explain.

    Of a torch module both come from autograd, and what contradicts them are numeric differences.
    """
    if result.compared_with == "numeric":
        return False
    error, limit = result.relative_error, result.limit
    return evidence.subject.witnesses != "two" or error is None or limit is None or error > limit


def _findings_elsewhere(
    case: Case, evidence: Evidence, hidden: Sequence[str], layer: str, truth: str, budget: int | None
) -> list[Finding]:
    """What explains gradients that are right at the given values, at those where they are wrong."""
    if not hidden:
        return []
    point = evidence.elsewhere()[hidden[0]]
    there = case_at(case, point.values, point.upstreams)
    if there is None:
        return []
    names = [n for n in hidden if n in there.yours]
    return [
        replace(found, cause=(f"it is right at the values given, and shows {point.where}", *found.cause))
        for found in _findings(there, names, layer, truth, budget)
    ]


def difference_of(
    yours: Array, true: Array, name: str, inputs: Mapping[str, object], upstream: object, layer: str = ""
) -> list[Finding]:
    """How one array differs from another, both at hand; an empty list where nothing can be said."""
    if yours.shape != true.shape:
        return list(transposed(yours, true, name, layer, "the true gradient"))
    if not (np.all(np.isfinite(yours)) and np.all(np.isfinite(true))):
        return []
    values = {label: np.asarray(value) for label, value in inputs.items()}
    upstreams = [] if upstream is None else [np.asarray(upstream)]
    case = Case(None, values, upstreams, {name: yours.astype(np.float64)}, {name: true.astype(np.float64)})
    return _findings(case, [name], layer, "the true gradient")


def _findings(case: Case, wrong: Sequence[str], layer: str, truth: str, budget: int | None = None) -> list[Finding]:
    """What explains the gradients of ``wrong``, then how those are wrong that nothing explains."""
    if budget == 0:
        return []
    # an explanation of a small difference has to be closer than the difference itself
    small = {n: case.off(n, case.true[n]) for n in wrong}
    case = replace(case, closeness={n: _CLOSER * off for n, off in small.items() if 0 < off <= EXACT})
    with told_while_waiting(lambda: f"looking for the cause: {case.evaluations} evaluations; Ctrl-C ends the search"):
        found = worked_out(lambda: search(case, wrong, budget), otherwise=list[Explanation]())
    for one in found:
        one.stack = (
            *one.stack[:-1],
            worked_out(functools.partial(settled, one.stack[-1], case), otherwise=one.stack[-1]),
        )
    explained = {n for explanation in found for n in explanation.names}
    rest = [n for n in wrong if n not in explained and not case.explains(n, case.true[n])]
    recording = case.recording if case.was_recorded else None
    crossed = [] if recording is None else list(attempted(crossed_shapes, recording, layer))
    return [*crossed, *(finding(case, one, layer, truth) for one in found), *unexplained(case, rest, layer)]
