"""Numbers as text: three or four significant digits, more only where two values would look the same."""

from __future__ import annotations

import math

from gradcheck.views.plain import visible

__all__ = [
    "NOTHING",
    "digits_to_tell_apart",
    "error_bar",
    "index",
    "norm",
    "relative",
    "shape",
    "share",
    "value",
    "written",
]

NOTHING = "–"


def value(x: float | None, digits: int = 4) -> str:
    """``0.4127``, ``-1.221``, ``4.127e-05``, ``nan``; a dash where there is none."""
    if x is None:
        return NOTHING
    if not math.isfinite(x):
        return f"{x:f}"
    if x == 0:
        return "0"
    scientific = f"{x:.{digits - 1}e}"
    exponent = int(scientific.partition("e")[2])
    return f"{x:.{digits - 1 - exponent}f}" if -3 <= exponent < digits else scientific


def written(x: float | None) -> str:
    """A number that somebody chose, as they would have written it: ``0.25``, ``0.001``."""
    return value(x) if x is None or not math.isfinite(x) else f"{x:g}"


def norm(x: float | None) -> str:
    """A norm, to three digits."""
    return value(x, 3)


def relative(x: float | None) -> str:
    """A relative error: ``7.1e-01``; an exact 0 is ``0``."""
    return value(x) if x is None or x == 0 or not math.isfinite(x) else f"{x:.1e}"


def error_bar(x: float | None) -> str:
    """The size of an error bar, to one digit: ``4e-10``."""
    return value(x) if x is None or x == 0 or not math.isfinite(x) else f"{x:.0e}"


def digits_to_tell_apart(a: float | None, b: float | None) -> int:
    """How many significant digits show that two values differ: 4, or as many as it takes and one more."""
    if a is None or b is None or a == b or not (math.isfinite(a) and math.isfinite(b)):
        return 4
    differing = (digits for digits in range(4, 17) if value(a, digits) != value(b, digits))
    first = next(differing, 17)
    return first if first in (4, 17) else first + 1


def shape(dimensions: tuple[int, ...]) -> str:
    """``4×5``, ``5``, or ``scalar``."""
    return "×".join(str(n) for n in dimensions) or "scalar"


def share(x: float | None) -> str:
    """A share in percent; what is neither none nor all never reads as one of them: ``<1 %``, ``42 %``, ``>99 %``."""
    if x is None or not 0 <= x <= 1:
        return value(x)
    if 0 < x < 0.01:
        return "<1 %"
    return ">99 %" if 0.99 < x < 1 else f"{round(100 * x)} %"


def index(name: str, position: tuple[int, ...]) -> str:
    """``dw[0, 3]`` as it would be typed; the bare name for a scalar."""
    return f"{visible(name)}[{', '.join(str(i) for i in position)}]" if position else visible(name)
