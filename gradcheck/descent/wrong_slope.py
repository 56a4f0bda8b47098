"""GC412: the loss does not fall along the gradient that was given as it must along the true one."""

from __future__ import annotations

import numpy as np

from gradcheck.descent.landscape import Vector
from gradcheck.descent.rho import Slope
from gradcheck.report import Finding

__all__ = ["wrong_slope"]

_RIGHT = 1e-4


def wrong_slope(slope: Slope | None, given: Vector, true: Vector) -> Finding | None:
    """What ρ of a small step says of the gradient that was given; None where it is as it should be.

    ρ → ⟨∇L, g⟩ / ‖g‖², so that g = c·∇L gives 1/c: ½ for a doubled gradient, -1 for the wrong sign.
    """
    if slope is None:
        return _nothing(true) if not given.any() and true.any() else None
    slack = _RIGHT + 4 * slope.error
    if abs(slope.value - 1) <= slack or slope.sides[0] - slack <= 1 <= slope.sides[1] + slack:
        return None
    length, own = float(np.linalg.norm(true)), float(np.linalg.norm(given))
    cosine = float(true @ given) / (length * own) if length > 0 else 0.0
    parallel = abs(abs(cosine) - 1) < 1e-6
    shown = f"{slope.value:.4g}"
    factor = own / length if length > 0 else 0.0
    if parallel and abs(slope.value + 1) < 1e-3:
        meant = "it has the wrong sign: a step along it goes uphill"
        advice = "change its sign, or that of the step: w -= lr * gradient"
    elif parallel and slope.value < 0:
        meant = f"it has the wrong sign, and is {factor:.4g} times as long as the true one"
        advice = "change its sign, or that of the step: w -= lr * gradient"
    elif parallel:
        meant = f"it is {factor:.4g} times the true gradient"
        advice = f"divide it by {factor:.4g}" if factor >= 1 else f"multiply it by {1 / factor:.4g}"
        advice += ", or the learning rate is not what it says: is a sum taken for a mean, is a term added twice?"
    elif length == 0:
        meant = "the true gradient is zero here"
        advice = "check the gradient by itself: check_network(net, loss=..., gradients=...)"
    else:
        meant = f"it is no multiple of the true gradient (the cosine of their angle is {cosine:.4g})"
        advice = "check the gradient by itself: check_network(net, loss=..., gradients=...) says what is wrong with it"
    return Finding(
        "GC412",
        "error",
        f"ρ goes to {shown} and not to 1: the gradient that was given is wrong",
        cause=(meant,),
        evidence=(
            f"ρ = (L(w) - L(w - η·g)) / (η·‖g‖²) goes to {shown} ± {slope.error:.0e} for small steps",
            f"‖yours‖ = {own:.4g}, ‖true‖ = {length:.4g}",
        ),
        help=(advice,),
    )


def _nothing(true: Vector) -> Finding:
    return Finding(
        "GC412",
        "error",
        "the gradient that was given is zero, and the true one is not",
        evidence=(f"‖yours‖ = 0, ‖true‖ = {float(np.linalg.norm(true)):.4g}",),
        help=("look whether the backward has run before the gradient is taken, and what it is written to",),
    )
