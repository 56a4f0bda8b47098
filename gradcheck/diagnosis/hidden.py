"""The finding on gradients that are right, or zero, at the values given, and wrong at others."""

from __future__ import annotations

from collections.abc import Sequence

from gradcheck.enumerated import enumerated
from gradcheck.report import Finding, GradientResult, Severity, Where

__all__ = ["hidden"]


def hidden(
    gradients: Sequence[GradientResult],
    how: str,
    seen: Sequence[str],
    remedy: str,
    layer: str,
    *,
    code: str = "GC143",
    severity: Severity = "warning",
    where: Where | None = None,
) -> Finding:
    """What is told of ``gradients``, which are ``how`` ("right here, and wrong where an index occurs twice")."""
    names = [g.name for g in gradients]
    return Finding(
        code,
        severity,
        f"{enumerated(names)} {'are' if names[1:] else 'is'} {how}",
        layer,
        ", ".join(names),
        where=where,
        evidence=tuple(seen),
        help=(remedy,),
    )
