"""A learning rate beside 2/λmax: what follows from it, and what to say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from gradcheck.descent.lanczos import Spectrum
from gradcheck.report import Finding
from gradcheck.updates import StepSize

__all__ = ["findings_of", "limit_of", "step_shown", "verdict_of"]

Verdict = Literal["converges", "diverges", "below the edge", "above the edge", "undecided"]
_EXACTLY = 1e-9
_NO_CURVATURE = 1e-10


def limit_of(largest: float, momentum: float, gradient: float, reach: float) -> float:
    """The largest learning rate that is stable, 2(1+β)/λmax; infinite where the loss does not curve upwards.

    With heavy-ball momentum β the error along an eigenvector follows e₊ = (1 + β - ηλ) e - β e₋, whose characteristic
    polynomial z² - (1 + β - ηλ) z + β has its roots inside the unit circle as long as ηλ < 2(1 + β) (Polyak 1964).

    Args:
        largest: λmax.
        momentum: β.
        gradient: ‖g‖.
        reach: ‖w‖; curvature that changes the gradient by nothing over this length is none.
    """
    if largest <= 0 or largest * max(reach, 1.0) <= _NO_CURVATURE * gradient:
        return math.inf
    return 2 * (1 + momentum) / largest


def verdict_of(lr: float, limit: float, spectrum: Spectrum, quadratic: bool) -> Verdict:
    """What can be said for certain: no Ritz value is above λmax, and λmax is hardly ever above ``spectrum.upper``."""
    if math.isinf(limit) or abs(lr - limit) <= _EXACTLY * limit:
        return "undecided"
    if lr > limit:
        return "diverges" if quadratic else "above the edge"
    lower = limit * spectrum.largest / spectrum.upper
    if lr >= lower:
        return "undecided"
    falls_forever = quadratic and spectrum.smallest < -_LOWEST * spectrum.largest - spectrum.smallest_error
    if falls_forever:
        return "undecided"
    return "converges" if quadratic else "below the edge"


_LOWEST = 1e-6


def step_shown(rate: float) -> str:
    """0.07142857 as ``1/14 = 0.07143``, where it is one over a whole number."""
    if rate > 0 and math.isfinite(rate):
        n = round(1 / rate)
        if 2 <= n <= 10_000 and math.isclose(1 / rate, n, rel_tol=1e-6):
            return f"1/{n} = {rate:.4g}"
    return f"{rate:.4g}"


def findings_of(
    step: StepSize, spectrum: Spectrum, losses: Sequence[float], batch: tuple[str, int] | None
) -> list[Finding]:
    """GC410 or GC411 where the learning rate is above the limit, GC413 where the loss curves downwards."""
    found = []
    if step.verdict in ("diverges", "above the edge"):
        found.append(_above(step, losses, batch))
    if spectrum.smallest < -(_LOWEST * abs(spectrum.largest) + spectrum.smallest_error):
        found.append(_downwards(step, spectrum))
    return found


def _above(step: StepSize, losses: Sequence[float], batch: tuple[str, int] | None) -> Finding:
    formula = "2/λmax" if not step.momentum else "2(1+β)/λmax"
    over = f"{step.lr:.6g} > {step.limit:.6g} = {formula}"
    evidence = [f"λmax = {step.lambda_max:.7g} ± {max(step.lambda_error, 0.0):.0e}, by {step.products} products H·v"]
    evidence.append(_told(losses))
    share = f"{step.lr / step.limit:.3g} times the limit"
    along = 1 - step.lr * step.lambda_max
    if step.quadratic and not step.momentum:
        cause: tuple[str, ...] = (
            f"the loss is quadratic: each step multiplies the distance to the minimum, along the direction that curves "
            f"most, by 1 - {step.lr:.4g}·{step.lambda_max:.4g} = {along:.4g}",
        )
    elif step.quadratic:
        cause = (f"the loss is quadratic, and {share} is too much for momentum {step.momentum:g} too",)
    else:
        cause = (
            f"{share}: along the direction that curves most, a step from here overshoots by more than it came",
            "where the loss is no quadratic it may still fall, unevenly, while the curvature adapts (the edge of "
            "stability, Cohen et al. 2021), or run away",
        )
    helps = [f"lr = {step_shown(step.suggested)} (1/λmax), and in any case below {step.limit:.4g}"]
    if batch is not None:
        helps.append(
            f"is the loss a sum over {batch[0]}, {batch[1]}? A mean divides λmax and the gradient by {batch[1]}, and "
            f"allows {batch[1]} times the learning rate"
        )
    if step.quadratic:
        found = Finding("GC410", "error", f"the learning rate {over}: gradient descent diverges")
    else:
        title = f"the learning rate {over}: above the edge of stability here"
        found = Finding("GC411", "error" if _grow(losses) else "warning", title)
    return replace(found, cause=cause, evidence=tuple(evidence), help=tuple(helps))


def _grow(losses: Sequence[float]) -> bool:
    return not math.isfinite(losses[-1]) or losses[-1] > losses[0]


def _told(losses: Sequence[float]) -> str:
    steps = len(losses) - 1
    shown = ", ".join(f"{value:.4g}" for value in losses[: min(4, steps + 1)])
    more = f", ... {losses[-1]:.4g}" if steps > 3 else ""
    return f"the loss at {steps} steps from here with the true gradient: {shown}{more}"


def _downwards(step: StepSize, spectrum: Spectrum) -> Finding:
    ratio = abs(spectrum.smallest) / spectrum.largest if spectrum.largest > 0 else math.inf
    cause = [
        "a saddle or a ridge, no bowl: along that direction every step of gradient descent moves away, at any rate"
    ]
    if step.quadratic:
        cause = ["the loss is quadratic and has no minimum: it falls without end along that direction"]
    if ratio > 1.001:
        cause.append("it is the larger of the two ends of the spectrum, so that 2/λmax says little here")
    ends = f"λmin = {spectrum.smallest:.4g}, λmax = {spectrum.largest:.4g}"
    return Finding(
        "GC413",
        "error" if step.quadratic else "info",
        f"the loss curves downwards along some direction: {ends}",
        cause=tuple(cause),
        help=("from random weights this is usual; look again after some steps of training",)
        if not step.quadratic
        else (),
    )
