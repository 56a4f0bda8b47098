"""The two ends of the spectrum of a symmetric matrix that is known only by its products with vectors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.difference import norm

__all__ = ["Spectrum", "lanczos"]

Vector = np.ndarray[Any, np.dtype[np.float64]]

# An eigenvalue is off by at most residual² / gap, so that this residual gives eight digits where the gap is not tiny.
_CLOSE = 1e-6
_LOOSE = 1e-3  # of the end that is of less interest
_UNLIKELY = 1e-3


@dataclass(frozen=True)
class Spectrum:
    """The largest and the smallest eigenvalue, each with a bound: an eigenvalue lies within ``error`` of it."""

    largest: float
    error: float
    smallest: float
    smallest_error: float
    vector: Vector
    """The unit vector that belongs to the largest one."""
    products: int
    upper: float
    """What the largest eigenvalue is not above, but for one first vector in a thousand."""


def _upper(largest: float, smallest: float, error: float, size: int, products: int) -> float:
    """Until the residual is small it only says that *some* eigenvalue is near, and a larger one may be unseen.

    For a random first vector the share (λmax - θ) / (λmax - λmin) is above s with a probability of at most
    1.648·√n·exp(-√s·(2k - 1)) after k products (Kuczyński and Woźniakowski 1992).
    """
    if error <= _LOOSE * abs(largest):
        return largest + error
    share = (math.log(1.648 * math.sqrt(size) / _UNLIKELY) / (2 * products - 1)) ** 2
    return math.inf if share >= 1 else max(largest + error, (largest - share * smallest) / (1 - share))


def lanczos(
    product: Callable[[Vector], Vector],
    size: int,
    rng: np.random.Generator,
    most: int,
    noise: float = 0.0,
    goes_on: Callable[[], bool] = lambda: True,
) -> Spectrum:
    """The Lanczos process, each new vector made orthogonal to all before it.

    ‖H y - θ y‖ of a Ritz pair (θ, y) is β·|s|, with β the norm of what is left over and s the last entry of the
    eigenvector of the small tridiagonal matrix: at least one eigenvalue of H lies as near to θ, and none of the Ritz
    values is above the largest.

    Args:
        product: H v for a unit vector v.
        size: the length of the vectors.
        rng: draws the first vector.
        most: how many products may be made.
        noise: how far a product itself may be off; no residual is below it.
        goes_on: asked after each product: whether there is time for another one.
    """
    held = np.empty((min(most, size), size))
    diagonal: list[float] = []
    beside: list[float] = []
    q = rng.standard_normal(size)
    q /= np.linalg.norm(q)
    scale = 0.0
    while True:
        basis = held[: len(diagonal) + 1]
        basis[-1] = q
        image = product(q)
        diagonal.append(float(q @ image))
        scale = max(scale, norm(image))
        for _ in range(2):  # twice is enough: what rounding leaves of the first time is removed
            image = image - basis.T @ (basis @ image)
        left = norm(image)
        values, columns = np.linalg.eigh(np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1))
        ends = left * np.abs(columns[-1])
        exhausted = len(basis) >= size or left <= max(1e-14 * scale, noise)
        weight = max(abs(values[0]), abs(values[-1]))
        settled = ends[-1] <= _CLOSE * abs(values[-1]) and ends[0] <= _LOOSE * weight
        if exhausted or settled or len(basis) >= most or not goes_on():
            whole = exhausted and len(basis) >= size
            errors = [noise if whole else max(float(e), noise) for e in (ends[-1], ends[0])]
            top = basis.T @ columns[:, -1]
            ends_now = float(values[-1]), float(values[0])
            upper = ends_now[0] + errors[0] if whole else _upper(*ends_now, errors[0], size, len(basis))
            return Spectrum(ends_now[0], errors[0], ends_now[1], errors[1], top, len(basis), upper)
        beside.append(left)
        q = image / left
