"""The upstream gradients of several outputs one at a time: a loss may see one of them only."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.difference import all_finite, norm
from gradcheck.report import Finding
from gradcheck.witnesses.subject import Array

__all__ = ["adds_up", "check_outputs_alone", "not_additive"]

Found = dict[str, Array | None]

# The same terms in another order: as for a backward that is called again, with room for parts that cancel.
_SAME, _ROUNDINGS = 1e-9, 64


def check_outputs_alone(evidence: Evidence, layer: str) -> list[Finding]:
    """GC112 where the gradients for each output's upstream gradient alone do not add up to that for all of them.

    A backward is linear, B(u, v) = B(u, 0) + B(0, v): one that leaves out or changes a share where an upstream gradient
    is zero is wrong there, though right for the random ones that are handed over elsewhere.
    """
    subject, given = evidence.subject, list(evidence.upstreams)
    if len(given) < 2 or subject.upstream != "any" or subject.moves_parameters:
        return []
    alone = [[u if i == k else np.zeros_like(u) for i, u in enumerate(given)] for k in range(len(given))]
    done = subject.sequence([(evidence.values, [upstreams]) for upstreams in alone])
    parts = [calls[-1] for calls in done if calls and not isinstance(calls[-1], Exception)]
    if len(parts) < len(given):
        return []  # it does not take zeros, which is seen at once where it happens
    apart = [v.gradient for v in subject.wanted() if _is_apart(evidence.yours.gradients.get(v.name), v.name, parts)]
    return [not_additive(", ".join(apart), layer)] if apart else []


def not_additive(titles: str, layer: str) -> Finding:
    """What is told of gradients that the outputs' upstream gradients one by one do not add up to."""
    return Finding(
        "GC112",
        "error",
        f"{titles} is not linear in the upstream gradient",
        layer,
        evidence=("for the upstream gradient of each output alone, with zeros for the others, they do not add up",),
        help=("zeros for one output are no reason to leave out or change the share of another",),
    )


def adds_up(whole: Array, parts: Sequence[Array], rounding: float) -> bool:
    """Whether ``parts`` add up to ``whole``, to ``rounding`` of their size; parts that are not finite never do."""
    total = sum((part.astype(np.float64) for part in parts), np.zeros(whole.shape))
    size = norm(whole) + sum(map(norm, parts))  # parts may cancel in the sum
    return math.isfinite(size) and norm(total - whole) <= rounding * size


def _is_apart(whole: Array | None, name: str, found: Sequence[Found]) -> bool:
    parts = [part for gradients in found if (part := gradients.get(name)) is not None]
    if whole is None or not all_finite(whole) or any(part.shape != whole.shape for part in parts):
        return False
    eps = float(np.finfo(whole.dtype).eps) if whole.dtype.kind == "f" else 0.0
    return not adds_up(whole, parts, max(_SAME, _ROUNDINGS * eps))
