"""What an update did to the parameters, and what a learning rate would do, as frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["StepSize", "UpdateResult"]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """How one parameter moved in one step, beside the move -lr·g that was wanted.

    ``effective_lr`` is the learning rate that explains the move best, -⟨Δw, g⟩ / ⟨g, g⟩ (after the momentum and weight
    decay that were stated); ``unexplained`` is the share of the move that no multiple of the gradient explains,
    ‖Δw + effective_lr·g‖ / ‖Δw‖; ``relative_error`` is ‖Δw + lr·g‖ / ‖lr·g‖ with the learning rate ``wanted_lr`` that
    was given, and ``limit`` what it was held against: the rounding of a gradient in this dtype, and of w - lr·g, which
    is ε·‖w‖ / ‖lr·g‖. They are None where there is nothing to divide by, or an entry is not finite. ``reason`` says
    why a verdict is what it is where the numbers do not.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    verdict: Literal["right", "wrong", "undecided", "not differentiated"]
    norm_update: float | None = None
    norm_gradient: float | None = None
    wanted_lr: float | None = None
    effective_lr: float | None = None
    unexplained: float | None = None
    relative_error: float | None = None
    limit: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StepSize:
    """A learning rate beside the curvature of the loss: ``lambda_max`` is the Hessian's largest eigenvalue.

    Gradient descent on a quadratic diverges where the learning rate is above ``limit``, 2/λmax (2(1+β)/λmax with
    momentum β); it is infinite where the loss does not curve upwards. ``lambda_max`` is known to ± ``lambda_error``;
    ``lambda_min`` is the other end of the spectrum, negative where the loss curves downwards. ``suggested`` is 1/λmax
    (``lr`` itself where there is no limit). ``quadratic`` says whether the loss is one, as far as was seen: only then
    is the verdict "converges" or "diverges". ``rho`` is (L(w) - L(w - lr·g)) / (lr·‖g‖²), with the gradient that was
    given or the true one, None where g is zero or the loss is not finite after the step; ``rho_small`` is what it goes
    to for small steps with the gradient that was given (1 for a right one), None where none was. ``products`` is how
    many products of the Hessian with a vector were made; ``loss`` and ``norm_gradient`` (of the true gradient) are
    those at the weights that were given.
    """

    lr: float
    lambda_max: float
    lambda_error: float
    limit: float
    suggested: float
    verdict: Literal["converges", "diverges", "below the edge", "above the edge", "undecided"]
    quadratic: bool
    momentum: float = 0.0
    loss: float | None = None
    norm_gradient: float | None = None
    rho: float | None = None
    products: int = 0
    lambda_min: float | None = None
    rho_small: float | None = None
