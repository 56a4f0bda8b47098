"""Which limit ruled where the caller gave tolerances: theirs, or what rounding explains."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.numeric_alone import NUMERIC_LIMIT
from gradcheck.diagnosis.tolerance import Limits, limit_of
from gradcheck.difference import distance, relative_error
from gradcheck.report import GradientResult
from gradcheck.yardstick import FLOAT64_LIMIT

__all__ = ["with_ruling_limit"]

_ROUNDING = "the difference is rounding alone"


def with_ruling_limit(evidence: Evidence, result: GradientResult, limits: Limits) -> GradientResult:
    """``result`` with a word on the tolerance that was asked for, where it and the yardstick tell differently."""
    if (limits.rtol is None and limits.atol is None) or result.verdict not in ("right", "wrong"):
        return result
    if result.compared_with == "numeric":
        error, gap, own = result.relative_error, None, NUMERIC_LIMIT
    else:
        yours, true = evidence.yours.gradients.get(result.of), evidence.autograd.get(result.of)
        if yours is None or true is None or yours.shape != true.shape:
            return result
        error, gap = relative_error(yours, true), distance(yours, true)
        own = limit_of(evidence, result.of, true, Limits()) if result.dtype != "float64" else FLOAT64_LIMIT
    if error is None:
        return result
    explained = f"rounding explains {own:.0e}"
    if result.verdict == "right" and error > own:
        if limits.rtol is not None and error <= limits.rtol:
            return _because(result, f"within rtol = {limits.rtol:g} as asked; {explained}")
        if limits.atol is not None and gap is not None and gap <= limits.atol:
            told = replace(result, relative_error=error, reason="" if result.reason == _ROUNDING else result.reason)
            return _because(told, f"‖yours - true‖ = {gap:.1e} is within atol = {limits.atol:g} as asked; {explained}")
    if result.verdict == "wrong" and limits.rtol is not None and error < 1e3 * max(limits.rtol, own):
        return _because(result, f"held to rtol = {limits.rtol:g} as asked; {explained}")
    return result


def _because(result: GradientResult, why: str) -> GradientResult:
    return replace(result, reason=f"{result.reason}; {why}" if result.reason else why)
