"""Small layers written in every calling style, each with the formula of its gradient."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

Values = dict[str, Any]


def numbers(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng([seed, *shape]).standard_normal(shape)


def affine(v: Values, ups: list[Any]) -> Values:
    """Gradients of x @ w + b under whatever names x, w and b go by, in this order."""
    x, w, *b = v
    found = {x: ups[0] @ v[w].T, w: v[x].T @ ups[0]}
    if b:
        found[b[0]] = ups[0].sum(0).reshape(v[b[0]].shape)
    return found


def product(v: Values, ups: list[Any]) -> Values:
    """Gradients of a * b, entry by entry."""
    a, b = v
    return {a: ups[0] * v[b], b: ups[0] * v[a]}


def logistic(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


@dataclass
class Sample:
    """What is passed to ``adapt``, the style it must be recognised as, and the right gradients.

    ``truth(values, upstreams)`` gets the differentiated variables by name and returns their gradients.
    """

    args: tuple[Any, ...]
    style: str
    truth: Callable[[Values, list[Any]], Values]
    options: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    note: str = ""
    loose: float = 1e-12


SAMPLES: dict[str, Callable[[], Sample]] = {}


def sample(make: Callable[[], Sample]) -> Callable[[], Sample]:
    name = make.__name__
    assert name not in SAMPLES
    SAMPLES[name] = make
    return make
