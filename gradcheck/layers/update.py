"""Backwards that move the weights themselves: the gradient is what the step took away, divided by the learning rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import GradcheckError
from gradcheck.layers.reach import Path
from gradcheck.layers.values import is_number

__all__ = ["Rate", "Update", "Updating", "from_update"]


@dataclass(frozen=True)
class Update:
    """A step that changes parameters, to be read as gradients: see :func:`from_update`."""

    step: Callable[[], object]
    lr: float


def from_update(step: Callable[[], object], lr: float) -> Update:
    """Take gradients from a training step that updates the weights itself: (before - after) / lr.

    Args:
        step: called without arguments; must do one plain step w -= lr * gradient (no momentum from earlier steps,
            no weight decay, or these are part of what is compared).
        lr: the learning rate of that step. Negative where the step *adds* lr times the gradient.

    Returns:
        A marker to pass as ``gradients=``.

    Raises:
        GradcheckError: ``step`` is not callable, or ``lr`` is zero or no number.

    Example:
        >>> import numpy as np
        >>> from gradcheck import check_network
        >>> x, w = np.array([[1.0, 2.0]]), np.array([[0.5], [-1.5]])
        >>> def train_step():
        ...     w[...] -= 0.1 * x.T @ (x @ w)
        >>> loss = lambda: 0.5 * np.sum((x @ w) ** 2)
        >>> check_network({"w": w}, loss=loss, gradients=from_update(train_step, lr=0.1)).ok
        True
    """
    if not callable(step):
        raise GradcheckError(
            f"from_update needs the step as a callable, as in from_update(lambda: net.train_step(X, y), lr=0.01); "
            f"it was given {type(step).__name__}"
        )
    if not is_number(lr) or not np.isfinite(lr) or lr == 0:
        raise GradcheckError(f"from_update(lr={lr!r}): give the learning rate of the step, a number that is not 0")
    return Update(step, float(lr))


@dataclass(frozen=True)
class Rate:
    """A learning rate, and where it was found."""

    label: str
    get: Callable[[], float]


class Updating:
    """Parameters that a backward moves: measured, and put back."""

    def __init__(self, moved: dict[str, Path], measured: dict[str, Path] | None, rate: Rate | None) -> None:
        self.moved = moved
        self.measured = measured or {}
        self.rate = rate
        self.gradients: dict[str, Any] = {}
        self.after: dict[str, np.ndarray[Any, Any]] = {}
        """The parameters as the last call left them, before they were put back."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Around a call that moves the parameters."""
        before = {name: path.get() for name, path in self.moved.items()}
        copies = {name: np.array(value) for name, value in before.items()}
        try:
            yield
            self.after = {name: np.array(path.get()) for name, path in self.moved.items()}
            if self.rate is not None:
                rate = self.rate.get()
                self.gradients = {n: (copies[n] - np.asarray(p.get())) / rate for n, p in self.measured.items()}
        finally:
            for name, path in self.moved.items():
                held = before[name]
                if isinstance(held, np.ndarray):
                    held[...] = copies[name]
                if path.get() is not held:
                    path.set(held)
