"""Arrays of bfloat16, which NumPy has not: their formulas are judged in float64, and what they give in bfloat16 too.

In all other calls they are held as float32. What a right gradient may be off by in bfloat16 is what PyTorch's own is
off by in float32, scaled to bfloat16's precision; where the output itself is another one there is nothing to compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import all_finite, norm, relative, relative_error
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.subject import Array, Yours

__all__ = ["judged_in_own_dtypes"]

Gradients = Mapping[str, Array]

_EPS = 2.0**-7
# The slack of the yardstick, and of what rounding turns on or off.
_SLACK, _TURNED = 32.0, 4.0
_ANOTHER = 0.2  # of the output's norm: masks that are drawn anew change about as much as they keep
_ALONE = "bfloat16 is checked in float32: the formula is judged, and not what bfloat16 rounds of it"


def judged_in_own_dtypes(
    evidence: Evidence, gradients: Sequence[GradientResult], layer: str
) -> tuple[list[GradientResult], list[Finding]]:
    """The rows as they are in bfloat16, and GC163 where what is right in float32 fails or is far off there."""
    narrow = [v.name for v in evidence.subject.variables if v.is_bfloat16]
    if not narrow:
        return list(gradients), []
    try:
        own = evidence.subject.in_own_dtypes(evidence.values, evidence.upstreams)
    except Exception as error:
        how = "fails with bfloat16 inputs"
        return list(gradients), [
            _finding(layer, how, f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}")
        ]
    if own is None:
        evidence.subject.notes.append(f"{', '.join(narrow)}: {_ALONE}")
        return list(gradients), []
    if not all(map(all_finite, own.outputs)):
        return list(gradients), [_finding(layer, "its forward gives NaN or infinite outputs in bfloat16")]
    if _is_another_function(evidence, own):
        why = "its outputs there are others (random numbers drawn by dtype, say)"
        evidence.subject.notes.append(f"{', '.join(narrow)}: {_ALONE}; {why}")
        return list(gradients), []
    moved = _moved(evidence)
    rows = [_judged(evidence, row, own, row.of in narrow, moved) for row in gradients]
    bad = {row.name: row.reason for row, was in zip(rows, gradients, strict=True) if row.verdict != was.verdict}
    if bad:
        return rows, [_finding(layer, f"gives a wrong {', '.join(bad)} in bfloat16", *bad.values())]
    limits = [min(row.limit, 1.0) for row in rows if row.verdict == "right" and row.limit is not None]
    limits = [limit for limit in limits if limit < 1] or limits  # of a gradient that is zero there is no share
    if limits:
        evidence.subject.notes.append(
            "bfloat16: each formula is judged in float64 (that is the power stated); what it gives in bfloat16 is held "
            f"to bfloat16's rounding: there errors below {max(limits):.0%} of the norm cannot be seen"
        )
    return rows, []


def _is_another_function(evidence: Evidence, own: Yours) -> bool:
    """Whether its outputs are others than in float32 by far more than rounding: a mask that is drawn by dtype, say."""
    if len(own.outputs) != len(evidence.yours.outputs):
        return True
    pairs = zip(own.outputs, evidence.yours.outputs, strict=True)
    return any(a.shape != b.shape or relative_error(a, b) > _ANOTHER for a, b in pairs)


def _judged(evidence: Evidence, row: GradientResult, own: Yours, is_narrow: bool, moved: Gradients) -> GradientResult:
    """The row with what was given in bfloat16 in place of what was given in float32."""
    if is_narrow:
        row = replace(row, dtype="bfloat16")
    given, true = own.gradients.get(row.of), evidence.yours.gradients.get(row.of)
    if row.verdict != "right" or given is None or true is None or given.shape != true.shape:
        return row
    if not np.all(np.isfinite(given)):
        why = f"{np.count_nonzero(~np.isfinite(given))} of {given.size} entries are NaN or infinite in bfloat16"
        return _wrong(evidence, row, given, why)
    # held against the same backward in float32, which was found right: at a corner it has a convention of its own
    gap, length = norm(np.subtract(given, true, dtype=np.float64)), norm(true)
    allowed = _allowed(evidence, row.of, true, moved)
    if gap > allowed:
        off = relative(gap, length)
        why = f"right when run in float64, off by {off:.2g} of its norm in bfloat16"
        return replace(_wrong(evidence, row, given, why), relative_error=off, limit=relative(allowed, length))
    if row.relative_error is None or not length:
        return row
    return replace(row, norm_yours=norm(given), relative_error=gap / length, limit=allowed / length)


def _wrong(evidence: Evidence, row: GradientResult, given: Array, why: str) -> GradientResult:
    evidence.yours.gradients[row.of] = given  # for the probe and the pictures
    apart = np.subtract(given, evidence.autograd.get(row.of, 0.0), dtype=np.float64)
    made = evidence.probe(row.of, apart) if np.all(np.isfinite(apart)) else None
    return replace(row, verdict="wrong", reason=why, norm_yours=norm(given), probe=made)


def _allowed(evidence: Evidence, name: str, true: Array, moved: Gradients) -> float:
    """The largest ‖difference‖ that is bfloat16's rounding.

    What the same formula, or PyTorch's, is off by in float32 is proportional to the rounding unit, and so scales to
    bfloat16. What is not proportional to it (a ReLU that the rounding turns on) is seen where the values are ``moved``
    by as much as rounding moves them.
    """
    exact, formula = evidence.autograd.get(name), evidence.precise().get(name)
    pairs = (evidence.single().get(name), exact), (true, formula)
    usual = max((_apart(one, other) for one, other in pairs), default=0.0) * _EPS / 2.0**-23
    terms = max(u.size for u in evidence.upstreams)
    steps = 2 * _EPS * math.sqrt(max(terms, 64)) * norm(true)
    return max(_SLACK * usual, _TURNED * _apart(moved.get(name), exact), steps)


def _moved(evidence: Evidence) -> Gradients:
    """The true gradients at values that are off by half a unit of bfloat16, to either side."""
    rng = np.random.default_rng(0)
    wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    moved = {n: v * (1 + _EPS / 2 * rng.choice([-1.0, 1.0], v.shape)) for n, v in wide.items()}
    return evidence.subject.autograd(moved, evidence.upstreams).gradients or {}


def _apart(one: Array | None, other: Array | None) -> float:
    if one is None or other is None or one.shape != other.shape:
        return 0.0
    gap = norm(np.subtract(one, other, dtype=np.float64))
    return gap if math.isfinite(gap) else 0.0


def _finding(layer: str, how: str, *evidence: str) -> Finding:
    return Finding(
        "GC163",
        "error",
        f"backward is right in float32, and {how}",
        layer,
        evidence=evidence,
        help=("add up in float32 (x.float()), and round the result to the input's dtype",),
    )
