"""Which gradients do not agree, where all asked together do not: found by halves, by slopes known already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.diagnosis.beside import is_straight
from gradcheck.difference import norm
from gradcheck.report import Probe
from gradcheck.witnesses.derivative import Estimate

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.diagnosis.joint import Joint

__all__ = ["by_halves", "supported_together"]

# Off by so many bars where no kink explains it, however little of a typical part that is: no second direction is asked.
_BARS = 1000


def supported_together(evidence: Evidence, found: Estimate, plan: Joint) -> bool:
    """Whether autograd fits the slope along several gradients; those that contribute enough to it are supported.

    An array whose contribution stays far below the others is left to a probe of its own.
    """
    if not found.fits(plan.told, 1e-9 * plan.total) or found.error > 1e-3 * plan.total:
        return False
    for n, share in plan.share.items():
        if share > 1e-2 * plan.total and found.error <= 1e-3 * share:
            evidence.supported[n] = True
            evidence.together[n] = Probe(found.value, found.error, None, plan.told)
    return True


def by_halves(evidence: Evidence, names: Sequence[str]) -> None:
    """Find those that do not agree among ``names``, which did not all agree when they were asked together.

    The derivative along a direction is the sum of its parts, φ' = Σ v·∂φ/∂n: the slope along the parts of one half is
    asked for, and what it leaves belongs to the other. With one wrong gradient among n that takes one step to both
    sides for each of log2 n halves, and the slope along the wrong one is known at the end.
    """
    joint, plan = evidence.joint, evidence.plan
    if joint is None or plan is None:
        for name in names:
            evidence.supported[name] = evidence.probe_agrees(name)
    else:
        _look(evidence, plan, Estimate(joint.numeric, joint.error))


def _look(evidence: Evidence, plan: Joint, slope: Estimate) -> None:
    """Look among the gradients of ``plan``, along which the slope is not autograd's."""
    names = list(plan.direction)
    if len(names) == 1:
        evidence.supported[names[0]] = not _is_off(evidence, names[0], plan, slope) and evidence.probe_agrees(names[0])
        return
    first, second = plan.of(names[: len(names) // 2]), plan.of(names[len(names) // 2 :])
    found = evidence.numeric.along(first.direction, first.target, once=True)
    rest = Estimate(slope.value - found.value, slope.error + found.error)
    for part, known in ((first, found), (second, rest)):
        if not supported_together(evidence, known, part):
            _look(evidence, part, known)


def _is_off(evidence: Evidence, name: str, plan: Joint, slope: Estimate) -> bool:
    """Whether ``slope``, along the joint direction's part of one array, is plainly not autograd's; kept as a probe."""
    direction, given = plan.direction[name], evidence.yours.gradients.get(name)
    part = norm(direction)
    made = Probe(
        slope.value / part,
        slope.error / part,
        float(np.vdot(direction, given)) / part if given is not None and given.shape == direction.shape else None,
        plan.told / part,
    )
    apart = abs(slope.value - plan.told)
    if not (evidence.is_plainly_off(made, name) or (apart > _BARS * slope.error and is_straight(evidence, name, made))):
        return False
    evidence.probes[name] = made
    evidence.drawn.setdefault(name, []).append(made)
    return True
