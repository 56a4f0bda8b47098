"""The upstream gradients of several outputs one at a time, as a model hands them that uses one output only."""

from __future__ import annotations

import numpy as np
import torch

from gradcheck.diagnosis.outputs_alone import adds_up, not_additive
from gradcheck.functions.calls import Calls, Found
from gradcheck.report import Finding
from gradcheck.witnesses.subject import Array

__all__ = ["each_output_alone"]


def each_output_alone(calls: Calls) -> list[Finding]:
    """GC112 where the gradients for each output's upstream gradient alone do not add up to that for all of them.

    A backward is linear, B(u, v) = B(u, 0) + B(0, v). Those for all together are right where this is asked, so that
    one of the others is wrong: the one that a model gets whose loss sees that output alone.
    """
    given = calls.upstreams(calls.applied())
    if len(given) < 2:
        return []
    try:
        alone = [
            calls.gradients(calls.applied(), [u if i == k else torch.zeros_like(u) for i, u in enumerate(given)])
            for k in range(len(given))
        ]
    except Exception:
        return []  # it does not take zeros, which is seen at once where it happens
    others = [name for name, whole in calls.once.items() if whole is not None and _apart(calls, name, whole, alone)]
    return [not_additive(calls.titles(others), calls.layer)] if others else []


def _apart(calls: Calls, name: str, whole: Array, alone: list[Found]) -> bool:
    parts = [part for found in alone if (part := found.get(name)) is not None]
    if any(part.shape != whole.shape or not np.all(np.isfinite(part)) for part in (whole, *parts)):
        return False
    return not adds_up(whole, parts, calls.rounding(whole.dtype.itemsize))
