"""A gradient that is wrong where nothing is at a kink: the kinks elsewhere do not excuse that."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.diagnosis.at_kinks import beside_kinks
from gradcheck.diagnosis.beside import points_beside
from gradcheck.diagnosis.second_point import Elsewhere, wrong_among
from gradcheck.difference import norm, relative_error
from gradcheck.report import Probe
from gradcheck.witnesses.derivative import Estimate

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["OffKinks", "wrong_off_kinks"]


@dataclass(frozen=True)
class OffKinks:
    """A gradient that is wrong without regard to its ``kinks`` (flat positions), and what shows that.

    ``probe`` is along the other entries; None where they are right, and the gradient is wrong beside the kink alone.
    """

    kinks: Array
    probe: Probe | None
    relative_error: float


def wrong_off_kinks(evidence: Evidence, name: str, yours: Array, true: Array, limit: float) -> OffKinks | None:
    """What shows that ``yours`` is wrong although some entries sit at a kink; None where nothing does.

    A difference across a kink fits no gradient, so that nothing can be told along a direction that moves such entries.
    Along the others everything is smooth: where autograd fits there and yours does not, yours is wrong. Where each
    entry is at a kink (the bias of a layer that has a blank row), the gradient must be right beside it.
    """
    found = beside_kinks(evidence, name)
    smooth = np.ones(true.shape)
    smooth.ravel()[found.entries] = 0
    apart = (yours - true) * smooth
    length = norm(apart)
    error = relative_error(true + apart, true)
    if error > limit:
        made = evidence.probe(name, apart, 1e-3 * length)
        mine = float(np.vdot(apart / length, yours))
        fits = Estimate(made.numeric, made.error).fits(mine) or not math.isfinite(made.error)
        if not fits and evidence.fits_autograd(name, made):
            return OffKinks(found.entries, made, error)
    near = _beside(evidence, name)
    return None if near is None or near.relative_error <= limit else OffKinks(found.entries, None, near.relative_error)


def _beside(evidence: Evidence, name: str) -> Elsewhere | None:
    """Where it is wrong close by, on other branches."""
    wide = any(v.dtype != np.float64 for v in evidence.values.values())
    points = points_beside(evidence, wide=True) if wide else evidence.beside()
    for point in points[-1:]:
        given, reference = point.yours.gradients.get(name), point.reference
        true = None if reference is None else (reference.gradients or {}).get(name)
        if given is None or true is None or given.size != true.size:
            continue
        if not (np.all(np.isfinite(given)) and np.all(np.isfinite(true))):
            continue
        told = {name: (given.reshape(true.shape), true)}
        found = wrong_among(evidence, told, point.values, evidence.upstreams, "beside the kink")
        if name in found:
            return found[name]
    return None
