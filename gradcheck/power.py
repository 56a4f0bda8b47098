"""The smallest error in a gradient that a check would have caught."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Power", "percent", "rounded_up"]


@dataclass(frozen=True, slots=True)
class Power:
    """The smallest error in one gradient that the check of it would have caught.

    Where it was compared entry by entry with another gradient (autograd's, a reference's), that is certain:
    ``probability`` is 1 and ``probes`` 0. Where differences of the forward along random directions are all there was,
    it holds with ``probability`` over those directions, of which there were ``probes``, as far as the error bars of the
    differences hold.

    ``norm`` is ‖yours - true‖ / ‖true‖, 2-norms over all entries, whatever the error looks like. ``entry`` is an error
    in any single entry, in the gradient's own units; ``typical`` the same as a share of an entry of typical size (the
    root mean square of the gradient's entries), which is what ``power=`` asks for; ``each`` is an error in any single
    entry as a share of that entry itself. A share is None where there is nothing it could be a share of: of a gradient
    that is zero but for rounding; and ``each`` where only the size of an error counts, not that of the entry.

    Not counted as errors: other values of an entry at a kink between the slopes to both sides, and anything in entries
    that are zero but for rounding (``each`` is not said of those; ``entry`` is).

    Example:
        >>> import numpy as np
        >>> from gradcheck import check_layer
        >>> report = check_layer(lambda x: x ** 2, lambda dout, x: 2 * x * dout, np.array([1.0, -2.0, 0.5]))
        >>> power = report.gradients[0].power
        >>> power.norm, power.probability
        (1e-07, 1.0)
    """

    norm: float | None
    entry: float
    typical: float | None
    each: float | None = None
    probability: float = 1.0
    probes: int = 0


def rounded_up(share: float) -> str:
    """A share to two digits, never below it: what is said to be caught is caught.

    Example:
        >>> rounded_up(1e-7), rounded_up(0.01234)
        ('1e-07', '0.013')
    """
    if not 0 < share < math.inf:
        return f"{share:g}"
    exponent = math.floor(math.log10(share))
    digits = math.ceil(round(share / 10.0**exponent * 10, 6))
    shown = float(f"{digits}e{exponent - 1}")
    return f"{shown:.0f}" if shown >= 10 else f"{shown:.2g}"


def percent(share: float) -> str:
    """The same in per cent.

    Example:
        >>> percent(1e-3), percent(0.01234), percent(4.7), percent(2.1e-6)
        ('0.1 %', '1.3 %', '470 %', '0.00021 %')
    """
    return f"{rounded_up(100 * share)} %"
