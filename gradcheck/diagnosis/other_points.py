"""Your gradients at another point, held against autograd there, or against numeric differences where there is none."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gradcheck.difference import norm, relative_error
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.patience import at_most

if TYPE_CHECKING:
    from gradcheck.diagnosis.evidence import Evidence
    from gradcheck.witnesses.subject import Array, Values

__all__ = ["can_be_asked", "drawn_for", "wrong_there"]

_LIMIT, _NUMERIC_LIMIT = 1e-6, 1e-4
_PROBES = 3
_PATIENCE = 2.0


def can_be_asked(evidence: Evidence) -> bool:
    """Whether there is a backward of yours that can be called at other values."""
    subject = evidence.subject
    return subject.witnesses != "two" and subject.calls_backward and subject.repeatable


def drawn_for(evidence: Evidence, like: Sequence[Array]) -> list[Array]:
    """Upstream gradients of these shapes: Gaussian, or ones where the style has no upstream gradient."""
    if evidence.subject.upstream == "one":
        return [np.ones(u.shape) for u in like]
    return [np.asarray(evidence.rng.standard_normal(u.shape)) for u in like]


def wrong_there(
    evidence: Evidence, values: Values, upstreams: Sequence[Array], fixed: Collection[str] = ()
) -> dict[str, str] | None:
    """The gradients that are wrong at ``values``, and in what way; None where nothing can be said there.

    A gradient of another shape than its array is wrong for the arrays ``fixed``; for others nothing is said. Where
    autograd is no witness, a gradient is wrong that several random probes contradict, each by more than its bar.
    """
    try:
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            yours = evidence.subject.yours(values, list(upstreams))
            if [o.shape for o in yours.outputs] != [u.shape for u in upstreams]:
                return None
            traced = bool(evidence.autograd) and not evidence.reference.leaks
            reference = evidence.subject.autograd(values, upstreams) if traced else None
            if not all(np.all(np.isfinite(o)) for o in yours.outputs):
                return None
            true = None if reference is None or reference.leaks else reference.gradients
            numeric = Numeric(evidence.subject, values, upstreams)
            found = {}
            for name in evidence.values:
                given = yours.gradients.get(name)
                if given is None:
                    continue
                if given.size != values[name].size:
                    if name in fixed:
                        found[name] = f"it has shape {given.shape} there"
                    continue
                given = given.reshape(values[name].shape)
                words = _contradicted(evidence, numeric, name, given, None if true is None else true.get(name))
                if words:
                    found[name] = words
            return found
    except Exception:  # values, or a size, that the forward or the backward does not take
        return None


def _contradicted(evidence: Evidence, numeric: Numeric, name: str, given: Array, true: Array | None) -> str:
    if true is None:
        return _by_probes(evidence, numeric, name, given)
    apart = given - true
    error = relative_error(given, true)
    if not math.isfinite(norm(apart)) or error <= _LIMIT or norm(apart) <= 1e-9 * evidence.zero_scale(name):
        return ""
    unit = apart / norm(apart)
    probe, exact = numeric.along_unit(name, unit, 1e-3 * norm(apart)), float(np.vdot(unit, true))
    sure = probe.fits(exact, _LIMIT * norm(true)) and not probe.fits(exact + norm(apart))
    return f"its relative error is {error:.2g} there" if sure else ""


def _by_probes(evidence: Evidence, numeric: Numeric, name: str, given: Array) -> str:
    typical = norm(given) / math.sqrt(max(given.size, 1))
    most = 0.0
    for _ in range(_PROBES):
        direction = np.asarray(evidence.rng.standard_normal(given.shape))
        direction /= norm(direction)
        found = numeric.along_unit(name, direction, 0.1 * _NUMERIC_LIMIT * typical)
        gap = abs(found.value - float(np.vdot(direction, given)))
        if not gap > 4 * found.error + _NUMERIC_LIMIT * typical:
            return ""
        most = max(most, gap)
    return f"numeric differences say so, by {most / typical:.2g} of a typical entry along a probe" if typical else ""
