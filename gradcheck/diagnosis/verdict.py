"""The verdict on each gradient: right, wrong, or undecided, from who agrees with whom."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.diagnosis.beside import right_beside
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.kinks import excused_by_kinks
from gradcheck.difference import norm, relative_error, worst_indices
from gradcheck.layers.problem import Variable
from gradcheck.report import Entry, GradientResult, Verdict
from gradcheck.witnesses.subject import Array
from gradcheck.yardstick import limit_for, rounding_floor

__all__ = ["Limits", "judge"]

_NUMERIC_LIMIT = 1e-6
_PROBES = 4
_WORST = 5
_FEW = 256


@dataclass
class Limits:
    """What the caller asked for: relative and absolute tolerances, or None to let the yardstick rule."""

    rtol: float | None = None
    atol: float | None = None


def judge(evidence: Evidence, limits: Limits, layer: str = "") -> list[GradientResult]:
    """One result per variable, in order; the undifferentiated ones are listed too, and say why."""
    evidence.cross_examine()
    results = [_judge_one(evidence, variable, limits, layer) for variable in evidence.subject.variables]
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
    told: dict[str, object] = {
        "norm_yours": None if yours is None else norm(yours),
        "norm_true": None if true is None else norm(true),
        "compared_with": "" if true is None else evidence.subject.truth,
    }
    if yours is None:
        given = evidence.yours.gradients.get(name)
        raw = evidence.yours.raw.get(name)
        if given is not None:
            why = f"its shape is {given.shape} and {name} has {evidence.values[name].shape}"
        elif raw is None:
            return _with(base, "undecided", f"no gradient was given; name {name} in constants if it needs none", told)
        else:
            why = f"the backward gave a {type(raw).__name__}, not an array of numbers"
        return _with(base, "wrong", why, told)
    if not np.all(np.isfinite(yours)):
        if true is not None and not np.all(np.isfinite(true)):
            return _with(base, "undecided", "neither your gradient nor autograd's is finite at these inputs", told)
        return _with(base, "wrong", f"{_count_bad(yours)} of {yours.size} entries are NaN or infinite", told)
    if true is None:
        return _by_numeric_alone(evidence, base, name, yours, limits, told)
    if not np.all(np.isfinite(true)):
        return _with(base, "undecided", "autograd's gradient is not finite at these inputs", told)
    return _by_three(evidence, base, name, yours, true, limits, told)


def _by_three(
    evidence: Evidence,
    base: GradientResult,
    name: str,
    yours: Array,
    true: Array,
    limits: Limits,
    told: dict[str, object],
) -> GradientResult:
    error = relative_error(yours, true)
    limit = _limit(evidence, name, true, limits)
    told |= {"relative_error": error, "limit": limit}
    agree, note = error <= limit and not _entries_off(evidence, name, yours, true, limits), ""
    if not agree and _within_floor(evidence, name, yours, true, limits):
        agree, note = True, "the difference is rounding alone"
        told |= {"relative_error": None, "limit": None}
    supported = evidence.supported.get(name, False)
    if not supported and evidence.reference.leaks:
        # a value left the trace, and numeric differences show that a gradient was lost: autograd is no witness
        return _by_numeric_alone(evidence, base, name, yours, limits, told | {"norm_true": None})
    told["probe"] = evidence.probes.get(name)
    if agree and supported:
        if evidence.tied() and right_beside(evidence, name) is False:
            why = "right only at this tie: it is wrong where the inputs are moved by a thousandth"
            return _with(base, "wrong", why, told)
        return _with(base, "right", note, told)
    if agree:
        return _agree_against_numeric(evidence, base, name, told)
    kinks = excused_by_kinks(evidence, name, yours, true, limit)
    if kinks is not None:
        return _with(base, "right", kinks.convention, told | {"kinks": kinks.count})
    # the direction in which yours and autograd differ most tells them apart best
    apart = norm(yours - true)
    made = evidence.probe(name, yours - true, 1e-3 * apart)
    told["probe"] = made
    if evidence.fits_autograd(name, made) or (supported and not _fits(made.yours, made)):
        told["worst"] = _worst(evidence, name, yours, true)
        return _with(base, "wrong", "", told)
    if _fits(made.yours, made) and _numeric_confirms(evidence, name, yours):
        named = evidence.subject.truth == "reference"
        other = "the reference is another function" if named else "autograd lost a path of the forward"
        return _with(
            base, "right", f"numeric differences agree with yours; {other}", told | {"compared_with": "numeric"}
        )
    if not math.isfinite(made.error):
        return _with(base, "undecided", "yours and autograd differ, and numeric differences could not tell", told)
    if supported:
        told["worst"] = _worst(evidence, name, yours, true)
        return _with(base, "wrong", "", told)
    return _with(base, "undecided", "yours, autograd and numeric differences all disagree", told)


def _agree_against_numeric(
    evidence: Evidence, base: GradientResult, name: str, told: dict[str, object]
) -> GradientResult:
    made = evidence.probes.get(name)
    if made is None or not math.isfinite(made.error):
        return _with(base, "undecided", "numeric differences could not be taken at these inputs", told)
    if right_beside(evidence, name):
        return _with(base, "right", "", told | {"kinks": 1})
    resolved = made.error <= 1e-2 * norm(evidence.autograd[name]) / math.sqrt(evidence.values[name].size)
    if resolved and evidence.subject.witnesses == "two":
        return _with(base, "wrong", "numeric differences differ from what autograd makes of this module", told)
    why = (
        "yours and autograd agree, numeric differences do not" if resolved else "numeric differences are too noisy here"
    )
    return _with(base, "undecided", why, told)


def _by_numeric_alone(
    evidence: Evidence, base: GradientResult, name: str, yours: Array, limits: Limits, told: dict[str, object]
) -> GradientResult:
    """No autograd: random probes of this gradient alone.

    Along a unit Gaussian direction v, v·(yours - true) is N(0, ‖yours - true‖²/n), so √n times it, relative to the
    gradient, estimates the relative error. With four probes an error of ten times the limit is missed with
    probability P(|N(0,1)| < 0.1)⁴ = 4e-5.
    """
    length = norm(yours)
    root = math.sqrt(max(yours.size, 1))
    limit = limits.rtol if limits.rtol is not None else _NUMERIC_LIMIT
    gaps, bars = [], []
    for _ in range(_PROBES if yours.size > 1 else 1):
        made = evidence.probe(name, target=0.1 * limit * length / root)
        if made.yours is None or not math.isfinite(made.error):
            return _with(base, "undecided", "numeric differences could not be taken at these inputs", told)
        gaps.append(abs(made.yours - made.numeric))
        bars.append(made.error)
    worst = int(np.argmax(gaps))
    error = root * gaps[worst] / length if length > 0 else (math.inf if gaps[worst] > bars[worst] else 0.0)
    told |= {"relative_error": error, "limit": limit, "compared_with": "numeric", "probe": evidence.probes[name]}
    allowed = limit * length / root + (limits.atol or 0.0)
    if all(gap <= bar + allowed for gap, bar in zip(gaps, bars, strict=True)):
        if length == 0 and max(bars) > 1e-9 * max(1.0, max(abs(e) for e in evidence.upstream_sizes())):
            return _with(
                base, "undecided", "your gradient is zero and numeric differences are too noisy to confirm it", told
            )
        if length > 0 and max(bars) > 1e-2 * length / root:
            return _with(base, "undecided", "numeric differences are too noisy here to confirm it", told)
        return _with(base, "right", "", told)
    entries = _entry_by_entry(evidence, name, yours)
    if entries is None:
        return _with(base, "wrong", "", told)
    if all(_inside_slopes(evidence, name, e, limit * length) for e in entries) and right_beside(evidence, name):
        return _with(base, "right", "", told | {"kinks": len(entries)})
    return _with(base, "wrong", "", told | {"worst": tuple(entries[:_WORST])})


def _entry_by_entry(evidence: Evidence, name: str, yours: Array) -> list[Entry] | None:
    """The entries beyond the bars of numeric differences, worst first; None where there are too many."""
    if yours.size > _FEW:
        return None
    off = []
    scale = _NUMERIC_LIMIT * norm(yours) / math.sqrt(yours.size)
    for index in np.ndindex(yours.shape):
        found = evidence.numeric.entry(name, index, scale)
        if not found.fits(float(yours[index]), scale):
            off.append(Entry(index, float(yours[index]), None, found.value, found.error))
    return sorted(off, key=lambda e: -abs(e.yours - (e.numeric or 0.0)))


def _inside_slopes(evidence: Evidence, name: str, entry: Entry, slack: float) -> bool:
    left, right, error = evidence.numeric.one_sided(name, entry.index)
    low, high = sorted((left, right))
    return high - low > 4 * error and low - 4 * error - slack <= entry.yours <= high + 4 * error + slack


def _numeric_confirms(evidence: Evidence, name: str, yours: Array) -> bool:
    allowed = _NUMERIC_LIMIT * norm(yours) / math.sqrt(max(yours.size, 1))
    return all(_fits(made.yours, made, allowed) for made in (evidence.probe(name) for _ in range(_PROBES)))


def _fits(value: float | None, made: object, slack: float = 0.0) -> bool:
    numeric, error = getattr(made, "numeric", math.nan), getattr(made, "error", math.inf)
    return value is not None and math.isfinite(error) and abs(value - numeric) <= error + slack


def _limit(evidence: Evidence, name: str, true: Array, limits: Limits) -> float:
    if limits.rtol is not None:
        return limits.rtol
    dtype = _lowest(evidence.values[name].dtype, evidence.yours.outputs)
    if dtype == np.float64:
        return limit_for(dtype, true, None, 0)
    native = evidence.native().get(name)
    terms = max(u.size for u in evidence.upstreams)
    return limit_for(dtype, true, native, terms)


def _lowest(dtype: np.dtype[np.floating], outputs: list[Array]) -> np.dtype[np.floating]:
    kinds = [dtype, *(o.dtype for o in outputs if o.dtype.kind == "f")]
    return max(kinds, key=lambda kind: float(np.finfo(kind).eps))


def _entries_off(evidence: Evidence, name: str, yours: Array, true: Array, limits: Limits) -> bool:
    """Whether single entries are wrong by a thousandth and more of themselves, however small beside the others.

    A row of a weight that belongs to an input in small units may be all wrong without showing in the norm. In float64
    there are digits enough to see it; what PyTorch itself rounds there in float32 says how much is excused.
    """
    lowest = _lowest(evidence.values[name].dtype, evidence.yours.outputs)
    if lowest != np.float64 or limits.rtol is not None or limits.atol is not None:
        return False
    gap = np.abs(yours - true)
    rounding = 1e-12 * norm(true)
    if float(gap.max(initial=0.0)) <= rounding:
        return False
    off = (gap > 1e-3 * np.abs(true)) & (gap > rounding)
    if not np.any(off):
        return False
    single = evidence.single().get(name)
    return single is not None and bool(np.any(gap[off] > 1000 * 2.0**-29 * np.abs(single - true)[off]))


def _within_floor(evidence: Evidence, name: str, yours: Array, true: Array, limits: Limits) -> bool:
    """Whether the difference is mere rounding although the gradient is too small for a relative limit."""
    gap = norm(yours - true)
    if gap <= evidence.subject.gradient_rounding(name):
        return True
    if limits.atol is not None and gap <= limits.atol:
        return True
    if gap == 0 or limits.rtol is not None:
        return gap == 0
    eps = float(np.finfo(_lowest(evidence.values[name].dtype, evidence.yours.outputs)).eps)
    if gap > 1e4 * eps * max(evidence.zero_scale(name), norm(true)):
        return False
    native = evidence.single().get(name)
    if native is None:
        return False
    if gap <= rounding_floor(true, native, eps):
        return True
    # Where PyTorch itself loses the gradient to rounding at this precision (a saturated softmax in float32), what is
    # subtracted from one another on the way may be as large as the output per unit of the input.
    lost = eps > 1e-12 and norm(native - true) > 1e-3 * norm(true)
    return lost and gap <= 4 * eps * evidence.loudness() / evidence.numeric.size(name)


def _worst(evidence: Evidence, name: str, yours: Array, true: Array) -> tuple[Entry, ...]:
    entries = []
    asked = 3 if evidence.small() else 1
    for k, index in enumerate(worst_indices(yours, true, _WORST)):
        apart = abs(float(yours[index]) - float(true[index]))
        told = evidence.numeric.entry(name, index, 1e-3 * apart) if k < asked else None
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
    return given.reshape(value.shape).astype(np.float64)


def _count_bad(array: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(array)))


def _with(base: GradientResult, verdict: Verdict, reason: str, told: dict[str, object]) -> GradientResult:
    return replace(base, verdict=verdict, reason=reason, **told)  # type: ignore[arg-type]  # keys are field names
