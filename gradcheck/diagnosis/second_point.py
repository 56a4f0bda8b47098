"""Other values: a gradient that is right at γ = 1, h₀ = 0, W = Wᵀ or for this batch size only is not right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.witnesses.batch import one_sample_fewer
from gradcheck.witnesses.numeric import Numeric

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array

__all__ = ["Elsewhere", "wrong_elsewhere"]

_LIMIT = 1e-6


@dataclass(frozen=True)
class Elsewhere:
    """Where a gradient that is right at the given inputs is wrong."""

    where: str
    relative_error: float


def wrong_elsewhere(evidence: Evidence) -> dict[str, Elsewhere]:
    """The gradients that are wrong at other values, and at other values with one sample fewer, by name.

    Everything is moved by as much as its own size, so that signs mix and nothing stays zero, one or symmetric; where
    the forward does not accept that (a logarithm), by a fifth of itself. Evaluated in float64. Only what numeric
    differences confirm is named.
    """
    subject = evidence.subject
    if subject.witnesses == "two" or not evidence.autograd or evidence.reference.leaks or not subject.calls_backward:
        return {}
    wide = {n: v.astype(np.float64) for n, v in evidence.values.items()}
    noise = {n: np.asarray(evidence.rng.standard_normal(v.shape)) for n, v in wide.items()}
    bold = {n: v + evidence.numeric.size(n) * noise[n] for n, v in wide.items()}
    careful = {n: v * (1 + 0.2 * np.tanh(noise[n])) for n, v in wide.items()}
    upstreams = [u.astype(np.float64) for u in evidence.upstreams]
    for moved in (bold, careful):
        with np.errstate(all="ignore"):
            found = _wrong_at(evidence, moved, upstreams, "at other values of its arrays")
        if found is None:
            continue
        if found:
            return found
        for cut in one_sample_fewer(subject.variables, moved, evidence.yours.outputs, upstreams):
            with np.errstate(all="ignore"):
                found = _wrong_at(evidence, *cut, "with one sample fewer in the batch")
            if found is not None:
                return found
        return {}
    return {}


def _wrong_at(
    evidence: Evidence, values: dict[str, Array], upstreams: Sequence[Array], where: str
) -> dict[str, Elsewhere] | None:
    """The gradients found wrong at ``values``; None where nothing can be said there."""
    try:
        yours = evidence.subject.yours(values, list(upstreams))
        if any(o.shape != u.shape for o, u in zip(yours.outputs, upstreams, strict=True)):
            return None
        reference = evidence.subject.autograd(values, upstreams)
    except Exception:
        return None
    if reference.gradients is None or reference.leaks or not all(np.all(np.isfinite(o)) for o in yours.outputs):
        return None
    found = {}
    for name, true in reference.gradients.items():
        given = yours.gradients.get(name)
        if given is None or given.size != true.size or name not in evidence.values:
            continue
        if not (np.all(np.isfinite(true)) and np.all(np.isfinite(given))):
            return None
        error = relative_error(given.reshape(true.shape), true)
        apart = given.reshape(true.shape) - true
        if error <= _LIMIT or norm(apart) <= 1e-9 * evidence.zero_scale(name):
            continue
        unit = apart / norm(apart)
        probe = Numeric(evidence.subject, values, upstreams).along_unit(name, unit, 1e-3 * norm(apart))
        told = float(np.vdot(unit, true))
        if probe.fits(told, 1e-6 * norm(true)) and not probe.fits(told + norm(apart)):
            found[name] = Elsewhere(where, error)
    return found
