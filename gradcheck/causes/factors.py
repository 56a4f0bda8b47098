"""What a constant factor stands for: a sign, a forgotten ½, a sum in place of a mean; or no plain number."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

__all__ = ["Factor", "factor"]


@dataclass(frozen=True)
class Factor:
    """A factor as it is written, what it may stand for, and how to mend it; no help where it stands for nothing."""

    shown: str
    meaning: str = ""
    help: str = ""


@dataclass(frozen=True)
class _Size:
    """A number of things that are summed or averaged over."""

    name: str
    over: str
    n: int


def factor(ratio: float, name: str, inputs: Mapping[str, object], upstream: object) -> Factor:
    """Explain that the gradient ``name`` is ``ratio`` times the true one, by the sizes of the arrays around it."""
    sign = ", and change its sign" if ratio < 0 else ""
    shown, size = _as_fraction(ratio), abs(ratio)
    meanings, helps = [], []
    for s in _sizes(inputs, upstream):
        if math.isclose(size, s.n, rel_tol=1e-6):
            meanings.append(f"{s.name}, {s.n}")
            helps.append(f"average over {s.over}, do not sum: divide {name} by {s.n}")
        elif math.isclose(size, 1 / s.n, rel_tol=1e-6):
            meanings.append(f"one over {s.name}, {s.n}")
            helps.append(f"sum over {s.over}, do not average: multiply {name} by {s.n}")
    if meanings:
        return Factor(shown, f" ({' or '.join(meanings[:3])})", helps[0] + sign)
    if math.isclose(size, 2, rel_tol=1e-6):
        return Factor(shown, "", f"halve {name}: the ½ of a ½x² is missing, or a term is added twice{sign}")
    if math.isclose(size, 0.5, rel_tol=1e-6):
        return Factor(shown, "", f"double {name}: the 2 of the derivative of an x² is missing, or half of a sum{sign}")
    if shown.lstrip("-").isdecimal():
        return Factor(shown, "", f"divide {name} by {shown}: is there a sum over {size:.0f} things that is a mean?")
    if "/" in shown:
        n = f"{1 / size:.0f}"
        return Factor(shown, "", f"multiply {name} by {1 / ratio:.0f}: is there a mean over {n} things that is a sum?")
    return Factor(shown)


def _sizes(inputs: Mapping[str, object], upstream: object) -> list[_Size]:
    """The sizes over which a gradient may be summed, the likeliest first."""
    shapes = {label: np.asarray(value).shape for label, value in inputs.items()}
    given = None if upstream is None else np.asarray(upstream).shape
    batch = given[0] if given else 0
    if batch and any(shape and shape[0] == batch for shape in shapes.values()):
        sizes = [_Size("the batch size", "the batch", batch)]
    else:
        sizes = [_axis(k, label, n) for label, shape in shapes.items() for k, n in enumerate(shape)]
    if given is not None:
        sizes += [_axis(k, "the output", n) for k, n in enumerate(given) if k]
        if len(given) >= 3:
            positions = math.prod(given[2:] or given[1:])
            sizes += [
                _Size("the number of positions of the output", "the positions of the output", positions),
                _Size(
                    "the batch size times the number of positions",
                    "the batch and the positions of the output",
                    batch * positions,
                ),
            ]
    return [size for size in sizes if size.n > 1]


def _axis(k: int, label: str, n: int) -> _Size:
    return _Size(f"the length of axis {k} of {label}", f"axis {k} of {label}", n)


def _as_fraction(value: float) -> str:
    if math.isclose(value, round(value), rel_tol=1e-9) and abs(value) < 1e9:
        return str(round(value))
    if value != 0 and math.isclose(1 / value, round(1 / value), rel_tol=1e-9) and abs(1 / value) < 1e9:
        return f"{'-' if value < 0 else ''}1/{abs(round(1 / value))}"
    return f"{value:.6g}"
