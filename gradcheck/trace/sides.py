"""Which sides ``np.where``, ``np.clip``, ``np.maximum`` and ``np.minimum`` took, for those who listen to a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck.trace.sites import Site, current_site

__all__ = ["Sides", "ears", "hear", "listening"]

Sides = dict[Site, tuple[str, set[int]]]
"""By place: the function, and the sides that any entry took there."""

ears: list[Sides] = []

_HEARD = {np.where: "np.where", np.clip: "np.clip", np.maximum: "np.maximum", np.minimum: "np.minimum",
          np.fmax: "np.fmax", np.fmin: "np.fmin"}  # fmt: skip
_GUARD = 1e-5


@contextmanager
def listening() -> Iterator[Sides]:
    """Hear of every choice in the traces that run meanwhile."""
    heard: Sides = {}
    ears.append(heard)
    try:
        yield heard
    finally:
        ears.pop()


def hear(
    function: Any,
    values: Sequence[Any],
    kwargs: Mapping[str, Any],
    chosen: Callable[[Sequence[Any], Mapping[str, Any]], Any] | None,
) -> None:
    """Remember the sides that ``chosen`` tells of one call; those of a guard against log 0 or 1/0 are no branches."""
    name = _HEARD.get(function)
    if name is None or _is_guard(function, values, kwargs):
        return
    if function is np.where:
        if len(values) < 3:
            return
        sides = np.asarray(values[0], bool)
    elif chosen is not None:
        sides = np.asarray(chosen(values, kwargs))
    else:
        return
    ears[-1].setdefault(current_site(), (name, set()))[1].update(np.unique(sides).astype(int).tolist())


def _is_guard(function: Any, values: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Whether all bounds are as near to 0 or 1 as what keeps a logarithm or a quotient finite."""
    bounds = [*values[1:3], *(kwargs.get(key) for key in ("a_min", "a_max", "min", "max"))]
    known = [float(b) for b in bounds if b is not None and np.ndim(b) == 0 and not isinstance(b, bool | np.bool_)]
    if function is np.where or not known or len(known) < sum(b is not None for b in bounds):
        return False
    return 0 < abs(known[0]) <= _GUARD and all(abs(b) <= _GUARD or abs(1 - b) <= _GUARD for b in known)
