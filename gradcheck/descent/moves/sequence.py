"""A few steps one after another: weights, gradients and floats before and after each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.descent.moves.floats import floats_of
from gradcheck.descent.moves.sources import Found, Gradients
from gradcheck.descent.moves.stock import Standing, standing_in
from gradcheck.descent.moves.weights import Array, Parameter, arrays_in, plain, values_of
from gradcheck.layers.calling import user_code
from gradcheck.state import seed_everything

__all__ = ["Step", "steps_made"]


@dataclass
class Step:
    """One step as it was seen."""

    before: dict[str, Array]
    after: dict[str, Array]
    floats_before: dict[str, float]
    floats_after: dict[str, float]
    gradients: list[Found] = field(default_factory=list)
    """Those known before the step, then those that stand there after it."""
    returned: list[tuple[str, Array]] = field(default_factory=list)
    left_behind: dict[str, tuple[str, str]] = field(default_factory=dict)
    standing: dict[str, Standing] = field(default_factory=dict)
    """The torch optimizer of each parameter as it was before the step."""
    beside: dict[str, Array] = field(default_factory=dict)
    """What stands beside the parameters after it; of the first step only."""


def steps_made(
    step: Callable[[], Any],
    parameters: Mapping[str, Parameter],
    source: Gradients | None,
    roots: Sequence[Any],
    seed: int,
    count: int,
    optimizers: Sequence[Any] = (),
    beside: Callable[[], dict[str, Array]] = dict,
) -> list[Step]:
    """Make ``count`` steps, nothing put back between them; fewer where a later one raises.

    Raises:
        GradcheckError: the first one raises.
    """
    made: list[Step] = []
    for k in range(count):
        try:
            with np.errstate(all="ignore"):
                seed_everything(seed)
                gradients = [dict(source.before())] if source is not None else []
                before, floats = values_of(parameters), floats_of(*roots)
                standing = standing_in(optimizers, parameters) if optimizers else {}
                seed_everything(seed)
                with user_code("step()"):
                    returned = step()
        except Exception:
            if k == 0:
                raise
            break
        made.append(
            Step(
                before,
                values_of(parameters),
                floats,
                floats_of(*roots),
                [*gradients, *([dict(source.after())] if source is not None else [])],
                [(key, plain(array)) for key, array in arrays_in(returned)],
                {n: apart for n, p in parameters.items() if (apart := p.left_behind()) is not None},
                standing,
                beside() if k == 0 else {},
            )
        )
        if not all(np.all(np.isfinite(value)) for value in made[-1].after.values()):
            break
    return made
