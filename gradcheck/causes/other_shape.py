"""A gradient of another shape than its array, which is the true one with its axes in another order."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import EXACT
from gradcheck.difference import relative_error
from gradcheck.report import Finding

__all__ = ["transposed"]


def transposed(yours: Array, true: Array, name: str, layer: str, truth: str) -> Iterator[Finding]:
    """The finding GC203 where some order of the axes of ``true`` gives ``yours``; the shapes are not the same."""
    if yours.ndim != true.ndim or not 2 <= true.ndim <= 4:
        return
    if not (np.all(np.isfinite(yours)) and np.all(np.isfinite(true))):
        return
    for axes in itertools.permutations(range(true.ndim)):
        turned = true.transpose(axes)
        if turned.shape != yours.shape or (left := relative_error(yours, turned)) > EXACT:
            continue
        matrix = true.ndim == 2
        yield Finding(
            "GC203",
            "error",
            f"{name} is {'the transpose of the true gradient' if matrix else f'the true gradient with axes {axes}'}",
            layer,
            name,
            evidence=(
                f"with that one change {truth} gives {name if name == 'yours' else f'your {name}'} to "
                f"{max(left, 1e-16):.0e}",
            ),
            help=("swap the two factors, or transpose the result" if matrix else "permute the axes back",),
        )
        return
