"""What a forward of the corpus looks like to the test: a call without arguments and the arrays it depends on."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Case", "draws", "on"]


@dataclass(frozen=True, eq=False)
class Case:
    """One forward, ready to run.

    `call` takes nothing: it finds its arrays where real code has them. `variables` are those very arrays. The output
    is a float array, a number, or a list of such; of a tuple the first element counts. `step` and `tolerance` differ
    from the usual only where the forward itself rounds to float32.
    """

    name: str
    call: Callable[[], object]
    variables: dict[str, np.ndarray]
    step: float = 1e-4
    tolerance: float = 1e-6


def draws(seed: int, scale: float = 1.0) -> Callable[..., np.ndarray]:
    """A function from a shape to normal draws of that shape, repeatable."""
    generator = np.random.default_rng(seed)

    def draw(*shape: int) -> np.ndarray:
        return np.asarray(scale * generator.normal(size=shape))

    return draw


def on(
    function: Callable[..., object],
    *arguments: object,
    wrt: str | Mapping[str, np.ndarray],
    name: str = "",
    step: float = 1e-4,
    tolerance: float = 1e-6,
    **keywords: object,
) -> Case:
    """A case that holds its arguments in a list and a dict, and reads them when it is called.

    `wrt` names parameters of `function` (blank-separated), or maps names to arrays found elsewhere.
    """
    positional, named = list(arguments), dict(keywords)
    if isinstance(wrt, str):
        bound = inspect.signature(function).bind(*arguments, **keywords).arguments
        variables = {word: bound[word] for word in wrt.split()}
    else:
        variables = dict(wrt)
    title = name or str(getattr(function, "__qualname__", type(function).__name__))
    return Case(title, lambda: function(*positional, **named), variables, step, tolerance)
