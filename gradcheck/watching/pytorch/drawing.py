"""Which functions of PyTorch may draw random numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

__all__ = ["draws"]

_DRAWING = re.compile(
    "rand|normal|uniform|bernoulli|multinomial|dropout|rrelu|exponential|cauchy|geometric|poisson|gumbel|attention"
    "|lstm|gru|rnn|fractional"
)
_known: dict[str, bool] = {}


def draws(function: Callable[..., Any]) -> bool:
    """Whether a function may draw random numbers, by its name."""
    name = getattr(function, "__name__", "")
    known = _known.get(name)
    if known is None:
        known = _known[name] = bool(_DRAWING.search(name))
    return known
