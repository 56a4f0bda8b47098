"""The smallest error that a check of one gradient would have caught, from the limits it was held to."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.tolerance import Limits, formula_limit, limit_of, lowest, rounding_unit
from gradcheck.difference import pieces
from gradcheck.power import Power
from gradcheck.report import GradientResult, Probe
from gradcheck.witnesses.subject import Array
from gradcheck.yardstick import rounding_floor

__all__ = ["MISSED", "by_entries", "by_probes", "probes_for", "smallest_caught", "stated"]

MISSED = 1e-3
"""How often an error of the size that is stated for probes may go unseen."""
FEWEST, MOST = 4, 64
"""Probes of a gradient that has no other witness: without and with a wish for more."""
_SHARE = 1e-3  # of an entry, from which on float64 shows it to be off (see tolerance.entries_off)
_ROUNDING = 1e-12


def smallest_caught(slack: float, entries: int, probes: int) -> float:
    """The smallest ‖d‖ of an error d that ``probes`` random probes miss with a probability of at most 0.001.

    A probe tells v·d along a direction v of unit length, drawn from a Gaussian, to within ``slack``: what is allowed,
    and twice the error bar, for the differences may be off by one bar to the other side. It misses d where
    |v·d| ≤ slack, that is, where |c| ≤ slack / ‖d‖ for the cosine c between v and d. In n dimensions c has the density
    Γ(n/2) / (√π Γ((n-1)/2)) · (1 - c²)^((n-3)/2). For n ≥ 3 it is largest at 0, and there, by Wendel's inequality for
    the ratio of the gamma functions, at most √(n/2π), so that

        P(|c| ≤ t) ≤ t √(2n/π),

    which also holds for n = 2, where P = (2/π) arcsin t ≤ t, and for n = 1, where c = ±1. (It is what a Gaussian of
    variance 1/n gives, which c approaches.) Directions are drawn independently: m probes miss d with at most
    (slack/‖d‖ · √(2n/π))^m. Where they see it, as many probes beside the point may still excuse it as a kink within
    their steps, so that each lot may miss it with half of the probability, 0.0005:

        ‖d‖ = slack · √(2n/π) / 0.0005^(1/m).

    One probe needs errors 2,000 times larger than what it resolves in a typical entry, four need 6.7 times, and any
    number of them at least once as large. A single entry that is off by δ is an error of ‖d‖ = δ. Probes must have
    signs: along non-negative directions errors of both signs cancel, as they do in a transposed gradient.

    A gradient of one number is seen by every probe, and then asked for once more as an entry, to within twice as much.

    Example:
        >>> round(smallest_caught(1e-6, 100, 4) / (1e-6 * 10), 2)  # in units of the slack times √n
        5.34
    """
    if entries == 1:
        return 2 * slack
    return slack * max(1.0, math.sqrt(2 * entries / math.pi) / float((MISSED / 2) ** (1 / probes)))


def probes_for(asked: float | None, limit: float, entries: int) -> int:
    """How many probes it takes to see an error of ``asked`` of a typical entry in any single one; at most 64.

    ``limit`` is the share of a typical entry that is allowed along a probe; error bars are taken to be far below it.
    From :func:`smallest_caught`, m = ln 0.0005 / ln(limit √(2n/π) / asked).
    """
    if entries == 1:
        return 1
    unseen = 1.5 * limit * math.sqrt(2 * entries / math.pi) / asked if asked else 0.0
    if not unseen or unseen >= 1:
        return FEWEST
    return min(max(FEWEST, math.ceil(math.log(MISSED / 2) / math.log(unseen))), MOST)


def by_probes(probes: Sequence[Probe], length: float, entries: int, allowed: float) -> Power | None:
    """What ``probes`` of a gradient of that length and number of entries would have caught; None without any.

    ``allowed`` is by how much v·g may be off beyond the error bar.
    """
    bars = [probe.error for probe in probes]
    if not bars or not math.isfinite(max(bars)):
        return None
    return _of_size(smallest_caught(allowed + 2 * max(bars), entries, len(bars)), length, entries, len(bars))


def by_entries(evidence: Evidence, name: str, limits: Limits) -> Power | None:
    """What the comparison of one gradient with autograd's, or with the reference's, would have caught for certain.

    A difference d passes where ‖d‖ ≤ limit · ‖true‖, or where it is no more than rounding makes of a gradient that is
    small beside what it was computed from; the largest that may be excused so is taken, without asking whether it
    would be. In float64, single entries are also held to 0.1 % of themselves, be they ever so small beside the others.
    Below float64 it is said of code that keeps the precision of what it is given, as this code does or does not: what
    goes through buffers of a lower one is allowed that one's rounding.
    """
    true = evidence.autograd.get(name)
    if true is None or not evidence.finite(true):
        return None
    formula = _in_float64(evidence, name, limits)
    limit = formula_limit(evidence, name, true, math.inf) if formula else limit_of(evidence, name, true, limits)
    length, entries = evidence.length(true), true.size
    excused = _excused(evidence, name, true, limits, formula, limit * length)
    if excused >= length:  # zero, as far as can be told
        return Power(None, max(excused, limit * length), None)
    size = max(limit * length, excused)
    found = Power(max(limit, excused / length), size, size / length * math.sqrt(entries))
    low = lowest(evidence.values[name].dtype, evidence.yours.outputs) != np.float64
    if low or limits.rtol is not None or limits.atol is not None:
        return found
    # An entry t of no mere rounding is seen to be off by 0.1 % of itself, or by what is seen in any entry.
    floor = max(excused, _ROUNDING * length) / _SHARE
    smallest = min((_smallest(piece, floor) for (piece,) in pieces(true)), default=math.inf)
    each = min(_SHARE, found.entry / smallest)
    return Power(found.norm, found.entry, found.typical, each)


def stated(evidence: Evidence, result: GradientResult, limits: Limits) -> Power | None:
    """What the check of the gradient in ``result`` would have caught; None where it was not found right."""
    if result.verdict != "right":
        return None
    name = result.of
    drawn, entries = evidence.drawn.get(name, []), max(evidence.values[name].size, 1)
    if evidence.subject.witnesses == "two":
        return _of_a_module(evidence, name, drawn, entries)
    if result.compared_with != "numeric":
        return by_entries(evidence, name, limits)
    yours = evidence.yours.gradients.get(name)
    if yours is None:
        return None
    length = evidence.length(yours)
    share = result.limit or 1e-6
    return by_probes(drawn, length, entries, share * length / math.sqrt(entries) + (limits.atol or 0.0))


def _of_a_module(evidence: Evidence, name: str, drawn: Sequence[Probe], entries: int) -> Power | None:
    """Autograd's own gradient, held against numeric differences: by one probe of its own, or by that of all together.

    Along the joint direction, of which this array's part has length c, an error d of its gradient shows as c·(v·d).
    """
    length = evidence.length(evidence.autograd[name])
    if drawn:  # the last one fitted; one before it may not have
        allowed = 1e-9 * length / math.sqrt(entries) + 1e-12 * evidence.zero_scale(name)
        return by_probes(drawn[-1:], length, entries, allowed)
    part, joint = evidence.joint_part(name), evidence.together.get(name)
    if joint is None or not part or not math.isfinite(joint.error):
        return None
    slack = (2 * joint.error + abs(joint.numeric - (joint.autograd or 0.0))) / part
    return _of_size(smallest_caught(slack, entries, 1), length, entries, 1)


def _of_size(size: float, length: float, entries: int, probes: int) -> Power:
    """The power where any error of 2-norm ``size`` is caught, in a gradient of that length."""
    probability = 1 - MISSED if probes else 1.0
    if not length > 0:
        return Power(None, size, None, None, probability, probes)
    return Power(size / length, size, size / length * math.sqrt(entries), None, probability, probes)


def _in_float64(evidence: Evidence, name: str, limits: Limits) -> bool:
    """Whether the formula was judged by what it gives in float64 (see verdict)."""
    if limits.rtol is not None or evidence.subject.truth == "reference" or evidence.subject.gradient_rounding(name):
        return False
    low = lowest(evidence.values[name].dtype, evidence.yours.outputs) != np.float64
    return low and evidence.precise().get(name) is not None


def _excused(evidence: Evidence, name: str, true: Array, limits: Limits, formula: bool, enough: float) -> float:
    """The largest 2-norm of a difference that may pass as rounding, or that the caller allows beside the limit.

    Bounds that are cheap come first; where they are below ``enough``, which is allowed anyway, nothing more is run.
    """
    given = max(evidence.subject.gradient_rounding(name), limits.atol or 0.0)
    eps = rounding_unit(evidence, name, formula)
    steps = 16 * eps * max(evidence.upstream_sizes(), default=0.0)
    if limits.rtol is not None:
        return max(given, steps)
    most = 1e4 * eps * max(evidence.zero_scale(name), evidence.length(true))
    if most > enough:
        single = evidence.single().get(name)
        floor = 0.0 if single is None else rounding_floor(true, single, eps)
        most = min(most, max(floor, 4 * eps * evidence.loudness() / evidence.numeric.size(name)))
    return max(given, most, steps)


def _smallest(entries: Array, floor: float) -> float:
    """The smallest entry in size that is above ``floor``."""
    sizes = np.abs(entries)
    smallest = float(sizes.min(initial=math.inf))
    if smallest > floor:
        return smallest
    return float(sizes.min(initial=math.inf, where=sizes > floor))
