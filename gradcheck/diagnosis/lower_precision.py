"""A gradient that is right but for digits: it was computed at a lower precision than its array has."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import relative_error
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.subject import Array, Values
from gradcheck.yardstick import rounded

__all__ = ["LowerPrecision", "computed_lower"]

# The relative error of rounding to nearest, and the decimal digits that are left.
_UNITS = {"bfloat16": 2.0**-9, "float16": 2.0**-12, "float32": 2.0**-25}
_DIGITS = {"bfloat16": 2, "float16": 3, "float32": 7}
# Right code in float64 stays below this (see the yardstick), what goes through float32 lies above.
_SUSPICIOUS, _MOST = 2e-9, 0.05
_FACTOR = 1.2345
_FEW = 6


class LowerPrecision(NamedTuple):
    """What was found, and the arrays whose gradients it explains."""

    findings: list[Finding]
    names: set[str]


def computed_lower(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> LowerPrecision:
    """Name the gradients whose error is that of a lower precision: on the way, or in what the forward kept.

    Rounding to p bits does not commute with a factor, unless that is a power of two: where the backward of 2u is twice
    that of u to the last bit, and the backward of 1.2345u is off from 1.2345 times that of u by about 2⁻ᵖ, numbers were
    rounded to p bits on the way. No mistake in a formula does that: one that is linear in u commutes with both factors,
    one that is not with neither. Cancellation in a right formula shows in this way too, at the size that it has in the
    reference in float32, scaled to float64; so the error must be of the size of the lower precision's there.

    Where only the values kept for the backward were rounded, it is linear in u; then it is the gradient of the
    reference at the rounded values.
    """
    subject = evidence.subject
    asked = [r for r in gradients if _is_suspicious(evidence, r)]
    if not asked or not subject.calls_backward:
        return LowerPrecision([], set())
    answers = [_backward(evidence, factor) for factor in (1.0, 2.0, _FACTOR)]
    found: dict[tuple[str, str], list[GradientResult]] = {}
    for result in asked:
        own = _unit(evidence.values[result.of])
        how = _by_factors(evidence, result, own, [a.get(result.of) for a in answers])
        dtype, where = how or "", "on the way"
        if not how:
            dtype, where = _by_values(evidence, result, own) or "", "in what was kept for the backward"
        if dtype and not (result.verdict == "wrong" and _is_rounded_at_the_end(evidence, result.of, dtype)):
            found.setdefault((dtype, where), []).append(result)
    findings = [_finding(layer, dtype, where, results) for (dtype, where), results in found.items()]
    return LowerPrecision(findings, {r.of for results in found.values() for r in results})


def _is_suspicious(evidence: Evidence, result: GradientResult) -> bool:
    given, true = evidence.yours.gradients.get(result.of), evidence.autograd.get(result.of)
    if result.verdict not in ("right", "wrong") or result.relative_error is None or result.compared_with == "numeric":
        return False
    if given is None or true is None or given.dtype.kind != "f" or given.shape != true.shape:
        return False
    value = evidence.values[result.of]
    if np.finfo(given.dtype).eps > np.finfo(value.dtype).eps:
        return False  # that is told by its dtype
    if result.verdict == "right" and value.dtype != np.float64:
        return False
    return _SUSPICIOUS < relative_error(given, true) < _MOST


def _is_rounded_at_the_end(evidence: Evidence, name: str, dtype: str) -> bool:
    """Whether it is the true gradient rounded, which is told as that where it is wrong."""
    given = evidence.yours.gradients[name]
    return given is not None and np.array_equal(rounded(evidence.autograd[name], dtype), given)


def _unit(array: Array) -> float:
    return float(np.finfo(array.dtype).eps) / 2


def _backward(evidence: Evidence, factor: float) -> dict[str, Array]:
    """The gradients for ``factor`` times the upstream gradients; none where there are none."""
    upstreams = [np.multiply(u, factor, dtype=u.dtype) for u in evidence.upstreams]
    answer = evidence.subject.sequence([(evidence.values, [upstreams])])
    if not answer or not answer[0] or isinstance(answer[0][0], Exception):
        return {}
    return {n: g.astype(np.float64) for n, g in answer[0][0].items() if g is not None and g.dtype.kind == "f"}


def _by_factors(evidence: Evidence, result: GradientResult, own: float, answers: Sequence[Array | None]) -> str | None:
    once, twice, other = answers
    if once is None or twice is None or other is None or not np.any(once):
        return None
    moved = relative_error(other / _FACTOR, once)
    if not 64 * own < moved < _MOST or relative_error(twice / 2, once) > 1e-3 * moved:
        return None
    dtype = min(_UNITS, key=lambda name: abs(math.log(moved / _UNITS[name])))
    single, true = evidence.single().get(result.of), evidence.autograd[result.of]
    usual = 0.0 if single is None else relative_error(single, true) * _UNITS[dtype] / _UNITS["float32"]
    off = relative_error(evidence.yours.gradients[result.of], true)  # type: ignore[arg-type]  # looked at before
    if _UNITS[dtype] < 16 * own or not 0.01 * usual < off < 100 * max(usual, _UNITS[dtype]):
        return None
    return dtype


def _by_values(evidence: Evidence, result: GradientResult, own: float) -> str | None:
    yours, true = evidence.yours.gradients[result.of], evidence.autograd[result.of]
    off = relative_error(yours, true)  # type: ignore[arg-type]  # looked at before
    for dtype, unit in _UNITS.items():
        if unit < 16 * own or not unit / 100 < off < 100 * unit:
            continue
        for chosen in ([*evidence.values], *([n] for n in list(evidence.values)[:_FEW] if len(evidence.values) > 1)):
            kept: Values = {n: rounded(v, dtype) if n in chosen else v for n, v in evidence.values.items()}
            told = (evidence.subject.autograd(kept, evidence.upstreams).gradients or {}).get(result.of)
            if told is not None and relative_error(yours, told) < 1e-2 * off:  # type: ignore[arg-type]  # as above
                return dtype
    return None


def _finding(layer: str, dtype: str, where: str, results: Sequence[GradientResult]) -> Finding:
    names = " and ".join(r.name for r in results) if len(results) < 3 else f"{len(results)} gradients"
    plural = "is" if len(results) == 1 else "are"
    off = max(r.relative_error or 0.0 for r in results)
    known = (
        f"twice the upstream gradient gives exactly twice the gradient, {_FACTOR} times gives it rounded otherwise"
        if where == "on the way"
        else f"it is the gradient at the values rounded to {dtype}"
    )
    return Finding(
        "GC147",
        "error" if any(r.verdict == "wrong" for r in results) else "warning",
        f"{names} {plural} computed in {dtype} {where}, of lower precision than {results[0].dtype}",
        layer,
        results[0].name,
        evidence=(f"off by {off:.0e}: {dtype} keeps about {_DIGITS[dtype]} digits", known),
        help=(
            f"keep the precision of the arrays: no buffer or cast to {dtype} in the backward or in what it is given",
        ),
    )
