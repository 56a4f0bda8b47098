"""The verdict on each gradient: right, wrong, or undecided, from who agrees with whom."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.asked import with_ruling_limit
from gradcheck.diagnosis.at_kinks import without_kinks
from gradcheck.diagnosis.beside import right_beside
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.kinks import excused_by_kinks
from gradcheck.diagnosis.named_reference import off_in_float64
from gradcheck.diagnosis.not_finite import judge_where_finite
from gradcheck.diagnosis.numeric_alone import NUMERIC_LIMIT, judge_by_numeric_alone
from gradcheck.diagnosis.off_kinks import wrong_off_kinks
from gradcheck.diagnosis.tolerance import (
    Limits,
    digits_are_lost,
    entries_off,
    formula_limit,
    limit_of,
    lowest,
    rounding_unit,
    within_floor,
)
from gradcheck.difference import norm, relative, relative_error, worst_indices
from gradcheck.layers.problem import Variable
from gradcheck.report import Entry, GradientResult, Verdict
from gradcheck.witnesses.subject import Array

__all__ = ["Limits", "judge"]

_PROBES = 4
# How well a probe must be known to confirm a gradient, in units of a typical entry.
_RESOLVED = 1e-2
_WORST = 5
_DELIBERATE = "as the reference has it; differences of the forward do not confirm that: taken as deliberate"
_TRUE_DERIVATIVE = "what differences of the forward give, and not the reference: that deviates on purpose, or is wrong"


def judge(evidence: Evidence, limits: Limits, layer: str = "") -> list[GradientResult]:
    """One result per variable, in order; the undifferentiated ones are listed too, and say why."""
    evidence.cross_examine()
    results = [
        with_ruling_limit(evidence, _judge_one(evidence, variable, limits, layer), limits)
        for variable in evidence.subject.variables
    ]
    compared = [r for r in results if r.verdict != "not differentiated"]
    if all(r.verdict == "right" and not r.norm_yours and not r.norm_true for r in compared):
        # zeros agree with zeros, whatever the backward does with anything else
        why = "every gradient is zero at these inputs, so that nothing is compared; give others"
        return [replace(r, verdict="undecided", reason=why) if r in compared else r for r in results]
    return results


def _judge_one(evidence: Evidence, variable: Variable, limits: Limits, layer: str) -> GradientResult:
    name = variable.name
    base = GradientResult(
        layer=layer,
        name=variable.gradient,
        of=name,
        shape=tuple(np.shape(variable.array)),
        dtype=str(evidence.values.get(name, variable.array).dtype),
        verdict="not differentiated",
        reason=variable.reason,
    )
    if not variable.differentiated:
        return base
    true = evidence.autograd.get(name)
    yours = _shaped(evidence.yours.gradients.get(name), evidence.values[name])
    given = evidence.yours.gradients.get(name)
    # where a value left the trace, autograd's gradient is the truth only as far as numeric differences say so
    lost = true is None or (bool(evidence.reference.leaks) and not evidence.supported.get(name, False))
    told: dict[str, object] = {
        "norm_yours": None if given is None else evidence.length(given),
        "norm_true": None if true is None or lost else evidence.length(true),
        "compared_with": "" if lost else evidence.subject.truth,
    }
    if yours is None:
        raw = evidence.yours.raw.get(name)
        if given is not None:
            why = f"yours has shape {given.shape}, {name} has {evidence.values[name].shape}"
        elif raw is None:
            return _with(base, "undecided", f"no gradient was given; name {name} in constants if it needs none", told)
        else:
            why = f"the backward gave a {type(raw).__name__}, not an array of numbers"
        return _with(base, "wrong", why, told)
    if not evidence.finite(yours):
        if true is not None and not evidence.finite(true):
            return judge_where_finite(evidence, base, name, yours, true, limits, told)
        return _with(base, "wrong", f"{_count_bad(yours)} of {yours.size} entries are NaN or infinite", told)
    if true is None:
        return judge_by_numeric_alone(evidence, base, name, yours, limits, told)
    if not evidence.finite(true):
        return judge_where_finite(evidence, base, name, yours, true, limits, told)
    low = lowest(evidence.values[name].dtype, evidence.yours.outputs) != np.float64
    formula = _shaped(evidence.precise().get(name), evidence.values[name]) if low and limits.rtol is None else None
    if formula is None or evidence.subject.gradient_rounding(name):
        return _by_three(evidence, base, name, yours, true, limits, told)
    if evidence.subject.truth == "reference":
        judged = _by_three(evidence, base, name, yours, true, limits, told)
        excused = judged.verdict == "right" and not judged.kinks and limits.atol is None
        excused = excused and judged.compared_with == "reference"
        off = off_in_float64(evidence, name, rounding_unit(evidence, name, formula=False)) if excused else None
        if off is None:
            return judged
        why = f"not what the reference gives: off by {off:.1e} when both are run in float64"
        return replace(judged, verdict="wrong", reason=why, worst=_worst(evidence, name, yours, true))
    return _by_formula(evidence, base, name, yours, formula, true, limits, told)


def _by_formula(
    evidence: Evidence,
    base: GradientResult,
    name: str,
    yours: Array,
    formula: Array,
    true: Array,
    limits: Limits,
    told: dict[str, object],
) -> GradientResult:
    """Below float64, the formula is judged by what it gives in float64; what is left in the dtype itself is rounding.

    No limit in a low precision can tell a small mistake from a formula that rounds badly (d - Σdp of a saturated
    softmax). Run in float64 the same code can: it must be right to float64's limit there, or, where it goes through
    buffers of a lower precision on the way, to the limit of that precision.
    """
    judged = _by_three(evidence, base, name, formula, true, limits, dict(told), formula=True)
    if judged.verdict == "right" and judged.compared_with == "numeric":
        return replace(judged, norm_yours=norm(yours))  # autograd lost a path: it says nothing of the rounding either
    if judged.verdict == "wrong" and judged.kinks:
        return replace(judged, norm_yours=norm(yours))  # that of the other entries, in float64
    error = relative_error(yours, formula if judged.kinks else true)
    if judged.verdict != "right" or judged.kinks:
        return replace(judged, norm_yours=norm(yours), relative_error=error)
    limit = limit_of(evidence, name, true, limits)
    note = judged.reason
    if error > limit and not within_floor(evidence, name, yours, true, limits):
        # What a formula loses by subtracting is as large as what it subtracts: the upstream gradient, or the output
        # per unit of the input. A gradient that is off by more than that is wrong in this dtype.
        ulp = rounding_unit(evidence, name, formula=False)
        terms = max(*evidence.upstream_sizes(), evidence.loudness() / evidence.numeric.size(name), 0.0)
        if norm(yours - true) > 64 * ulp * terms:
            made = evidence.probe(name, yours - true, 1e-3 * norm(yours - true))
            why = f"right when run in float64, wrong in {base.dtype} by more than its rounding"
            return replace(
                judged,
                verdict="wrong",
                norm_yours=norm(yours),
                relative_error=error,
                limit=limit,
                reason=why,
                probe=made,
                worst=_worst(evidence, name, yours, true),
            )
        note = f"right in float64; {base.dtype} loses digits in your formula"
    return replace(judged, norm_yours=norm(yours), relative_error=error, limit=limit, reason=note)


def _by_three(
    evidence: Evidence,
    base: GradientResult,
    name: str,
    yours: Array,
    true: Array,
    limits: Limits,
    told: dict[str, object],
    formula: bool = False,
) -> GradientResult:
    error = relative(evidence.apart(yours, true), evidence.length(true))
    limit = formula_limit(evidence, name, true, error) if formula else limit_of(evidence, name, true, limits)
    told |= {"relative_error": error, "limit": limit}
    agree, note = error <= limit and not entries_off(evidence, name, yours, true, limits), ""
    if not agree and within_floor(evidence, name, yours, true, limits, formula):
        agree, note = True, "the difference is rounding alone"
        told |= {"relative_error": None, "limit": None}
    supported = evidence.supported.get(name, False)
    if not supported and evidence.reference.leaks:
        # a value left the trace, and numeric differences show that a gradient was lost: autograd is no witness
        return judge_by_numeric_alone(evidence, base, name, yours, limits, told | {"norm_true": None})
    told["probe"] = evidence.probes.get(name)
    named = evidence.subject.truth == "reference"
    if agree and supported:
        if evidence.tied() and right_beside(evidence, name) is False:
            why = "right only at this tie: it is wrong where the inputs are moved by a thousandth"
            return _with(base, "wrong", why, told)
        why = _off_elsewhere(evidence, name, limits)
        if why:
            return _with(base, "wrong", why, told)
        made = evidence.probes.get(name)
        if named and made is not None and not evidence.fits_autograd(name, made):
            note = _DELIBERATE
        return _with(base, "right", note, told)
    if agree:
        return _agree_against_numeric(evidence, base, name, limits, told)
    kinks = excused_by_kinks(evidence, name, yours, true, limit)
    if kinks is not None:
        why = _off_elsewhere(evidence, name, limits)
        if why:
            return _with(base, "wrong", why, told)
        return _with(base, "right", kinks.convention, told | without_kinks(evidence, name, yours, true, kinks.entries))
    # the direction in which yours and autograd differ most tells them apart best
    apart = norm(yours - true)
    made = evidence.probe(name, yours - true, 1e-3 * apart)
    told["probe"] = made
    here = made.yours if not formula else float(np.vdot((yours - true) / apart, yours))
    rounding = 16 * rounding_unit(evidence, name, formula) * max(evidence.upstream_sizes())
    if apart <= rounding and _fits(here, made) and digits_are_lost(evidence, name, true):
        # less than the rounding of the upstream gradient itself, and numeric differences do not contradict
        return _with(base, "right", "the difference is rounding alone", told | {"relative_error": None, "limit": None})
    if evidence.fits_autograd(name, made) or (supported and not _fits(here, made)):
        told["worst"] = _worst(evidence, name, yours, true)
        return _with(base, "wrong", "", told)
    if _fits(here, made) and _numeric_confirms(evidence, name, yours):
        if named and not any(fault.code == "GC120" for fault in evidence.yours.faults):
            told["worst"] = _worst(evidence, name, yours, true)
            return _with(base, "wrong", _TRUE_DERIVATIVE, told)
        other = "the reference is another function" if named else "autograd lost a path of the forward"
        return _with(
            base,
            "right",
            f"numeric differences agree with yours; {other}",
            told | {"compared_with": "numeric", "norm_true": None, "relative_error": None, "limit": None},
        )
    if named:
        # it was named as what the gradient is to be: differences are no witness against it
        told["worst"] = _worst(evidence, name, yours, true)
        return _with(base, "wrong", "not what the reference gives", told)
    if supported and math.isfinite(made.error):
        told["worst"] = _worst(evidence, name, yours, true)
        return _with(base, "wrong", "", told)
    off = wrong_off_kinks(evidence, name, yours, true, limit) if evidence.tied() else None
    if off is not None:
        why = "" if off.probe else "wrong where the inputs are moved by a thousandth, away from the kink"
        aside = yours.copy()
        aside.ravel()[off.kinks] = true.ravel()[off.kinks]
        told |= {"worst": _worst(evidence, name, aside, true)} if off.probe else {}
        told |= {"kinks": off.kinks.size, "probe": off.probe, "relative_error": off.relative_error}
        return _with(base, "wrong", why, told)
    if not math.isfinite(made.error):
        return _with(base, "undecided", "yours and autograd differ, and numeric differences could not tell", told)
    if _fits(here, made):
        why = "yours and autograd differ, and numeric differences are too noisy here to tell"
        return _with(base, "undecided", why, told)
    return _with(base, "undecided", "yours, autograd and numeric differences all disagree", told)


def _off_elsewhere(evidence: Evidence, name: str, limits: Limits) -> str:
    """What is said of a gradient that is right here, and wrong at other values; else empty."""
    lenient = limits.rtol is not None or limits.atol is not None
    moved = None if lenient else evidence.elsewhere().get(name)
    return "" if moved is None else f"right here, and off by {moved.relative_error:.1e} {moved.where}"


def _agree_against_numeric(
    evidence: Evidence, base: GradientResult, name: str, limits: Limits, told: dict[str, object]
) -> GradientResult:
    if evidence.subject.truth == "reference":
        return _with(base, "right", _DELIBERATE, told)
    made = evidence.probes.get(name)
    if made is None or not math.isfinite(made.error):
        return _with(base, "undecided", "numeric differences could not be taken at these inputs", told)
    if right_beside(evidence, name):
        why = _off_elsewhere(evidence, name, limits)
        if why:
            return _with(base, "wrong", why, told)
        others = without_kinks(evidence, name, evidence.autograd[name], evidence.autograd[name], None)
        some = "" if others["kinks"] else "some of its entries are at a kink, and it is right beside it"
        return _with(base, "right", some, told | others | {"relative_error": told["relative_error"]})
    apart = abs(made.numeric - (made.autograd or 0.0))
    resolved = made.error <= 1e-2 * max(apart, norm(evidence.autograd[name]) / math.sqrt(evidence.values[name].size))
    if resolved and evidence.subject.witnesses == "two":
        return _with(base, "wrong", "numeric differences differ from what autograd makes of this module", told)
    why = (
        "yours and autograd agree, numeric differences do not" if resolved else "numeric differences are too noisy here"
    )
    return _with(base, "undecided", why, told)


def _numeric_confirms(evidence: Evidence, name: str, yours: Array) -> bool:
    """Whether numeric differences fit yours, and are known so well that this means something."""
    typical = norm(yours) / math.sqrt(max(yours.size, 1))
    evidence.drawn.pop(name, None)  # those that spoke against it
    probes = [evidence.probe(name) for _ in range(_PROBES)]
    resolved = all(made.error <= _RESOLVED * typical for made in probes)
    if evidence.subject.truth == "reference" and not any(made.numeric for made in probes):
        return False  # a flat forward: a reference that is none of its derivative is named for that
    return resolved and all(_fits(made.yours, made, NUMERIC_LIMIT * typical) for made in probes)


def _fits(value: float | None, made: object, slack: float = 0.0) -> bool:
    numeric, error = getattr(made, "numeric", math.nan), getattr(made, "error", math.inf)
    return value is not None and math.isfinite(error) and abs(value - numeric) <= error + slack


def _worst(evidence: Evidence, name: str, yours: Array, true: Array) -> tuple[Entry, ...]:
    entries = []
    asked = 3 if evidence.small() else 1
    for k, index in enumerate(worst_indices(yours, true, _WORST)):
        apart = abs(float(yours[index]) - float(true[index]))
        expected = None if evidence.small() else float(true[index])
        told = None
        if k < asked:
            told = evidence.numeric.entry(name, index, 1e-3 * apart, expected, is_smooth=evidence.is_smooth())
        if told is not None and not math.isfinite(told.error):
            told = None  # a corner right here, say
        entries.append(
            Entry(
                index,
                float(yours[index]),
                float(true[index]),
                None if told is None else told.value,
                None if told is None else told.error,
            )
        )
    return tuple(entries)


def _shaped(given: Array | None, value: Array) -> Array | None:
    """The gradient in the variable's shape; a mere difference of length-one axes is not a wrong value."""
    if given is None:
        return None
    squeezed = [n for n in given.shape if n != 1]
    if given.shape != value.shape and squeezed != [n for n in value.shape if n != 1]:
        return None
    shaped = given if given.shape == value.shape else given.reshape(value.shape)
    return shaped.astype(np.float64, copy=False)


def _count_bad(array: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(array)))


def _with(base: GradientResult, verdict: Verdict, reason: str, told: dict[str, object]) -> GradientResult:
    return replace(base, verdict=verdict, reason=reason, **told)  # type: ignore[arg-type]  # keys are field names
