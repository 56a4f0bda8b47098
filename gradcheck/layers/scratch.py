"""Memory that a layer keeps for its results: it looks like a parameter, and the backward writes into it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from gradcheck.layers.matching import flattened
from gradcheck.layers.problem import Variable
from gradcheck.layers.reach import Path
from gradcheck.layers.stored import Keeper
from gradcheck.layers.values import is_array

__all__ = ["without_scratch"]


def without_scratch(
    keeper: Keeper, variables: Sequence[Variable], raw: object, contents: Mapping[Path, Any], constants: Collection[str]
) -> list[Variable]:
    """``variables`` less those that are memory for a gradient, as of ``np.matmul(d, W.T, out=self.buf)``.

    ``keeper`` forgets them too, and what is declared constant while the backward changes it.

    Args:
        keeper: what was learnt of the places of parameters and gradients.
        variables: the arrays to be checked.
        raw: what the backward returned.
        contents: what stood where before it.
        constants: names that the caller declared constant.
    """
    given = [*flattened(raw), *(path.get() for path in keeper.gradients.values())]
    given = [gradient for gradient in given if is_array(gradient)]
    kept = list(variables)
    for name, path in list(keeper.parameters.items()):
        now = path.get()
        if name in keeper.gradients or path not in contents or not is_array(now):
            continue
        if np.array_equal(now, contents[path]):
            continue
        if name in constants:
            del keeper.parameters[name]  # it stays among the variables, where it is said that it is declared
        elif any(np.may_share_memory(now, gradient) for gradient in given):
            del keeper.parameters[name]
            kept = [v for v in kept if v.name != name]
    return kept
