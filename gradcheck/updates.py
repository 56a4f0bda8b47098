"""What an update did to the parameters, and what a learning rate would do, as frozen plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["StepSize", "UpdateResult"]


@dataclass(frozen=True, slots=True)
class UpdateResult:
    """How one parameter moved in one step, beside the move -lr·g that was wanted.

    ``effective_lr`` is the learning rate that explains the move best, -⟨Δw, g⟩ / ⟨g, g⟩; ``unexplained`` is the share
    of the move that no multiple of the gradient explains, ‖Δw + effective_lr·g‖ / ‖Δw‖; ``relative_error`` is
    ‖Δw + lr·g‖ / ‖lr·g‖ with the learning rate that was given, and ``limit`` what it was held against.
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
    momentum β). ``quadratic`` says whether the loss is one, as far as was seen. ``rho`` is
    (L(w) - L(w - η·g)) / (η·‖g‖²): 1 for a right gradient and a small step.
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
