"""Beside a kink: at one, autograd and a backward may take different slopes, and what explains yours would seem not to.

A margin of exactly 0 has a slope of 0 for one and of ½ for the other, both of which are right. A mistake elsewhere in
the same gradient is then predicted with autograd's slope, and the change that happens to undo that one as well is named
for it. A little beside there is one slope alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.causes.case import Case
from gradcheck.causes.fresh import can_be_asked, case_at
from gradcheck.difference import norm
from gradcheck.state import own_generator, random_direction

__all__ = ["beside", "off_in"]

_STEP = 1e-3  # of the root mean square of an array


def beside(case: Case) -> Case | None:
    """``case`` with all arrays moved by about a thousandth, in float64; None where that cannot be evaluated."""
    if not can_be_asked(case):
        return None
    rng, moved = own_generator(2), {}
    for name, value in case.values.items():
        moved[name] = value
        if value.dtype.kind == "f":
            wide = value.astype(np.float64)
            size = norm(wide) / max(wide.size, 1) ** 0.5 or 1.0
            direction = random_direction(rng, wide.shape)
            moved[name] = wide + _STEP * size * direction * (wide.size**0.5 / (norm(direction) or 1.0))
    return case_at(case, moved, [np.asarray(u, dtype=np.float64) for u in case.upstreams])


def off_in(case: Case, names: Sequence[str]) -> list[str]:
    """Those of ``names`` whose gradients are not the true ones in ``case``."""
    return [n for n in names if n in case.yours and not case.explains(n, case.true[n])]
