"""The upstream gradients of several outputs one at a time, as a model hands them that uses one output only."""

from __future__ import annotations

import numpy as np
import torch

from gradcheck.difference import norm
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
    if not others:
        return []
    return [
        Finding(
            "GC112",
            "error",
            f"{calls.titles(others)} is not linear in the upstream gradient",
            calls.layer,
            evidence=("for the upstream gradient of each output alone, with zeros for the others, they do not add up",),
            help=("zeros for one output are no reason to leave out or change the share of another",),
        )
    ]


def _apart(calls: Calls, name: str, whole: Array, alone: list[Found]) -> bool:
    parts = [part for found in alone if (part := found.get(name)) is not None]
    if any(part.shape != whole.shape or not np.all(np.isfinite(part)) for part in (whole, *parts)):
        return False
    total = sum((part.astype(np.float64) for part in parts), np.zeros(whole.shape))
    size = norm(whole) + sum(map(norm, parts))  # parts may cancel in the sum
    return not norm(total - whole) <= calls.rounding(whole.dtype.itemsize) * size
