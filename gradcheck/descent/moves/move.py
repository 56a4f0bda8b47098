"""One parameter's move in one step, and what explains it to within rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.difference import norm

__all__ = ["Move", "Stock", "rounding_of"]

Array = np.ndarray[Any, Any]

_FLOAT64 = 1e-7  # of the move; a tenth of the smallest error that is promised to be found
_TERMS = 64


def rounding_of(epsilon: float, size: int) -> float:
    """How far a right gradient computed at this precision may be off, relative to its norm: 2ε√n, n its sums' terms."""
    return _FLOAT64 if epsilon < 1e-14 else min(2 * epsilon * math.sqrt(max(size, _TERMS)), 0.1)


@dataclass(frozen=True)
class Stock:
    """What an optimizer does: its name, its move, and ‖·‖ of how far rounding in the gradient may turn that."""

    rule: str
    delta: Array
    slack: float
    by_hand: bool = False
    """The user has written it: it was recognised."""

    @property
    def said(self) -> str:
        """Whose it is."""
        return self.rule if self.by_hand else f"torch's {self.rule}"


@dataclass
class Move:
    """``gradient`` is None where none is known; ``buffers`` are what momentum may have been kept in before the step.

    ``buffers_after`` are those of them, after the first of several steps.
    """

    name: str
    dtype: str
    epsilon: float
    before: Array
    after: Array
    gradient: Array | None
    lr: float
    momentum: float = 0.0
    weight_decay: float = 0.0
    buffers: list[tuple[str, Array]] = field(default_factory=list)
    buffers_after: dict[str, Array] = field(default_factory=dict)
    momentum_part: Array | None = None
    """What of the move the momentum explains, where that was stated and a buffer was found."""
    stock: Stock | None = None
    """What the torch optimizer that moves it does with this gradient, where that is known."""
    asked: Callable[[Array], Stock | None] | None = None
    """The same for another gradient."""
    by_hand: Any = None
    """The rule that was recognised in several steps, also where it is not what it is called."""
    other_decay: float | None = None
    """The weight decay that this rule has, where that is not the stated one."""

    @property
    def adaptive(self) -> Stock | None:
        """What is to be moved by instead of -lr·(g + λw): for every known optimizer but plain descent."""
        return self.stock if self.stock is not None and self.stock.rule != "SGD" else None

    @property
    def unit(self) -> str:
        """What the move is measured in, in words."""
        return f"{self.adaptive.rule}'s step" if self.adaptive is not None else "lr·g"

    @property
    def delta(self) -> Array:
        """By how much the parameter moved, without what its momentum had to do with it."""
        moved: Array = self.after - self.before
        return moved if self.momentum_part is None else moved - self.momentum_part

    @property
    def direction(self) -> Array | None:
        """What the parameter is to move against, lr times it: g + λw with the weight decay λ that was stated.

        Of an adaptive optimizer it is what that makes of g.
        """
        if self.gradient is None:
            return None
        if self.adaptive is not None:
            return np.asarray(-self.adaptive.delta / self.lr)
        return self.gradient + self.weight_decay * self.before if self.weight_decay else self.gradient

    @property
    def rounding(self) -> float:
        """The 2-norm of what is lost where w - lr·g is stored: at most ε/2 of each entry, once for each term added."""
        terms = 1 + bool(self.weight_decay) + bool(self.momentum)
        return terms * 0.5 * self.epsilon * max(norm(self.before), norm(self.after))

    @property
    def blur(self) -> float:
        """How far a right move may be off, relative to its norm, by rounding in the gradient alone."""
        share = 0.0
        if self.adaptive is not None and (length := norm(self.adaptive.delta)):
            share = self.adaptive.slack / length
        return rounding_of(self.epsilon, self.before.size) + share

    @property
    def limit(self) -> float:
        """How far Δw may be from -lr·g, relative to ‖lr·g‖."""
        wanted = self.lr * norm(self.direction) if self.direction is not None else 0.0
        return self.blur + (self.rounding / abs(wanted) if wanted else 0.0)

    def fits(self, predicted: Array) -> bool:
        """Whether the parameter moved by ``predicted``, to within rounding."""
        length = norm(predicted)
        if not math.isfinite(length) or length == 0:
            return False
        return norm(self.delta - predicted) <= self.blur * length + self.rounding

    def rate(self, along: Array | None = None) -> float | None:
        """The c of Δw = -c·g that comes closest; None for a zero gradient."""
        g = self.direction if along is None else along
        if g is None:
            return None
        length = norm(g)
        if length == 0 or not math.isfinite(length):
            return None
        return float(-np.vdot(g / length, self.delta) / length)

    def is_multiple(self) -> bool:
        """Whether a multiple of the gradient explains the move; one entry is a multiple of any other."""
        rate, direction = self.rate(), self.direction
        return rate is not None and direction is not None and rate != 0 and self.fits(-rate * direction)

    def is_multiple_by(self, ratio: float) -> bool:
        """Whether the parameter moved by ``ratio`` times what was wanted."""
        return self.direction is not None and self.fits(-ratio * self.lr * self.direction)
