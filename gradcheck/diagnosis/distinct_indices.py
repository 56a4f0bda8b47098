"""Indices of which none occurs twice: a gradient written where it should be added is right for them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.report import Finding, GradientResult

__all__ = ["check_repeated_indices"]


def check_repeated_indices(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """A remark for gradients that are right where all indices differ, and wrong where the first two are the same.

    ``dW[ids] = dout`` keeps the last of equal indices, ``dW[ids] += dout`` too; their sum is the gradient. Where the
    indices are a permutation, which never repeats, nothing may be wrong, and the remark is no warning.
    """
    if not evidence.small() or not can_be_asked(evidence):
        return []
    for v in evidence.subject.variables:
        ids = v.array
        if v.differentiated or v.slots or ids.dtype.kind not in "iu" or not 1 < ids.size == np.unique(ids).size:
            continue
        same = ids.copy()
        same.flat[1] = same.flat[0]
        values = {**{n: a.astype(np.float64) for n, a in evidence.values.items()}, v.name: same}
        off = wrong_there(evidence, values, drawn_for(evidence, evidence.upstreams)) or {}
        wrong = [g for g in gradients if g.of in off]
        if not wrong:
            continue
        permuted = np.array_equal(np.sort(ids, axis=None), np.arange(ids.size))
        return [
            hidden(
                wrong,
                f"right here, and wrong where an index in {v.name} occurs twice",
                [f"{g.name}: {off[g.of]}" for g in wrong],
                f"add up what belongs to one index: np.add.at(dW, {v.name}, dout), not dW[{v.name}] = dout or +=; "
                "if no index ever repeats, nothing is wrong",
                layer,
                severity="info" if permuted else "warning",
            )
        ]
    return []
