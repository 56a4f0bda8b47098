"""What a constant factor stands for: a sign, a forgotten ½, a sum in place of a mean; or no plain number."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

__all__ = ["Factor", "factor", "is_multiple", "is_odd", "of_a_square", "sizes_called"]

_SHOWN = 3
_KNOWN = 8  # sizes of which two are compared
_FEWEST = 3  # samples: 1/2 and 2/3 are too many things
Shape = tuple[int, ...]


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


def is_multiple(ratio: float | None) -> TypeGuard[float]:
    """Whether a fitted factor is another multiple than the thing itself, or than nothing."""
    return ratio is not None and 1e-6 < abs(ratio) < 1e9 and abs(ratio - 1) >= 1e-5


def is_odd(found: Factor, ratio: float) -> bool:
    """Whether a factor stands for nothing: it has no meaning, no known reason, and is no sign."""
    return not (found.meaning or found.help or abs(ratio + 1) < 1e-6)


def factor(
    ratio: float,
    name: str,
    inputs: Mapping[str, object],
    upstream: object,
    results: Callable[[], Sequence[Shape]] = lambda: (),
) -> Factor:
    """Explain that the gradient ``name`` is ``ratio`` times the true one, by the sizes of the arrays around it.

    ``results`` gives the shapes of what is computed on the way; they are asked for where the others explain nothing.
    """
    sign = ", and change its sign" if ratio < 0 else ""
    shown, size = _as_fraction(ratio), abs(ratio)
    for sizes in (_sizes(inputs, upstream), _axes_of(inputs)):
        if meant := _meant(shown, sizes, size, name, sign):
            return meant
    if of_square := of_a_square(ratio, name):
        return Factor(shown, "", of_square)
    if meant := _meant(shown, _sizes_of(results()), size, name, sign):
        return meant
    if (upstream is None or np.asarray(upstream).ndim == 0) and (
        meant := _meant(shown, _all_of(inputs), size, name, sign)
    ):
        return meant  # of one number, the mean may be taken over everything
    if shown.lstrip("-").isdecimal():
        return Factor(shown, "", f"divide {name} by {shown}: is there a sum over {size:.0f} things that is a mean?")
    if "/" in shown:
        n = f"{1 / size:.0f}"
        return Factor(shown, "", f"multiply {name} by {1 / ratio:.0f}: is there a mean over {n} things that is a sum?")
    if upstream is not None and np.asarray(upstream).ndim == 0:
        found = _quotient(shown, size, name, [*_axes_of(inputs), *_sizes_of(results())], sign)
        if found.meaning:
            return found
    return _of_a_variance(shown, size, _sizes(inputs, upstream)) or Factor(shown)


def of_a_square(ratio: float, name: str) -> str:
    """How to mend a gradient that is twice or half the true one; empty for any other factor."""
    sign = ", and change its sign" if ratio < 0 else ""
    if math.isclose(abs(ratio), 2, rel_tol=1e-6):
        return f"halve {name}: the ½ of a ½x² is missing, or a term is added twice{sign}"
    if math.isclose(abs(ratio), 0.5, rel_tol=1e-6):
        return f"double {name}: the 2 of the derivative of an x² is missing, or half of a sum{sign}"
    return ""


def sizes_called(inputs: Mapping[str, object], upstream: object, results: Sequence[Shape]) -> list[tuple[str, int]]:
    """All sizes that a factor may stand for, each with how :func:`factor` calls it."""
    every = [*_sizes(inputs, upstream), *_axes_of(inputs), *_sizes_of(results), *_all_of(inputs)]
    return [(size.name, size.n) for size in every]


def _of_a_variance(shown: str, size: float, sizes: Sequence[_Size]) -> Factor | None:
    """1/n in the place of 1/(n - 1), or the reverse, where n is the batch size."""
    for n in (s.n for s in sizes if s.name == "the batch size" and s.n > _FEWEST):
        for wanted, taken in ((n - 1, n), (n, n - 1)):
            if math.isclose(size, wanted / taken, rel_tol=1e-6):
                return Factor(
                    shown,
                    f" ({wanted} over {taken}, the batch size being {n})",
                    f"divide by {wanted} as the forward does, not by {taken}",
                )
    return None


def _quotient(shown: str, size: float, name: str, sizes: Sequence[_Size], sign: str) -> Factor:
    """A mean over one number of things in the place of the mean over another, where the forward gives one loss."""
    known = list({s.n: s for s in reversed(sizes)}.values())[::-1][:_KNOWN]
    for wanted, taken in itertools.permutations(known, 2):
        if math.isclose(size, wanted.n / taken.n, rel_tol=1e-6):
            return Factor(
                shown,
                f" ({wanted.name}, {wanted.n}, over {taken.name}, {taken.n})",
                f"average over {wanted.over}, not over {taken.over}: multiply {name} by {taken.n}/{wanted.n}{sign}",
            )
    return Factor(shown)


def _meant(shown: str, sizes: Sequence[_Size], size: float, name: str, sign: str) -> Factor | None:
    meanings, helps = [], []
    for s in sizes:
        if math.isclose(size, s.n, rel_tol=1e-6):
            meanings.append(f"{s.name}, {s.n}")
            helps.append(f"average over {s.over}, do not sum: divide {name} by {s.n}")
        elif math.isclose(size, 1 / s.n, rel_tol=1e-6):
            meanings.append(f"one over {s.name}, {s.n}")
            helps.append(f"sum over {s.over}, do not average: multiply {name} by {s.n}")
    return Factor(shown, f" ({' or '.join(meanings[:_SHOWN])})", helps[0] + sign) if meanings else None


def _sizes(inputs: Mapping[str, object], upstream: object) -> list[_Size]:
    """The batch and the output's sizes, over which a gradient is most likely summed, the likeliest first."""
    shapes = {label: np.asarray(value).shape for label, value in inputs.items()}
    given = None if upstream is None else np.asarray(upstream).shape
    batch = given[0] if given else 0
    sizes = []
    if batch and any(shape and shape[0] == batch for shape in shapes.values()):
        sizes.append(_Size("the batch size", "the batch", batch))
    elif given:
        sizes += _axes_of(inputs)
    if given:
        sizes += [_axis(k, "the output", n) for k, n in enumerate(given) if k]
        if len(given) >= 3:
            positions = math.prod(given[2:] or given[1:])
            sizes += _positions(
                "the number of positions of the output", "the positions of the output", positions, batch
            )
    return [size for size in sizes if size.n > 1]


def _axes_of(inputs: Mapping[str, object]) -> list[_Size]:
    shapes = {label: np.asarray(value).shape for label, value in inputs.items()}
    return [_axis(k, label, n) for label, shape in shapes.items() for k, n in enumerate(shape) if n > 1]


def _all_of(inputs: Mapping[str, object]) -> list[_Size]:
    sizes = {label: a.size for label, value in inputs.items() if (a := np.asarray(value)).ndim > 1}
    return [_Size(f"the number of entries of {label}", f"all entries of {label}", n) for label, n in sizes.items()]


def _sizes_of(results: Sequence[Shape]) -> list[_Size]:
    """The batch, and the sizes of what is computed on the way: the positions that a kernel slides over."""
    firsts = Counter(shape[0] for shape in results if shape)
    batch, times = firsts.most_common(1)[0] if firsts else (0, 0)
    sizes = [_Size("the batch size", "the batch", batch)] if 2 * times > firsts.total() else []
    for shape in dict.fromkeys(s for s in results if len(s) >= 3):
        kind = f"the positions of a {'×'.join(map(str, shape))} array in the forward"
        sizes += _positions(f"the number of {kind.removeprefix('the ')}", kind, math.prod(shape[-2:]), shape[0])
    for shape in dict.fromkeys(s for s in results if s):
        label = f"a {'×'.join(map(str, shape))} array in the forward" if len(shape) > 1 else "an array in the forward"
        sizes += [_axis(k, label, n) for k, n in enumerate(shape)]
    return list({size.n: size for size in reversed(sizes) if size.n > 1}.values())[::-1]  # the first of each number


def _positions(name: str, over: str, positions: int, batch: int) -> list[_Size]:
    both = f"the batch and {over}"
    return [_Size(name, over, positions), _Size(f"the batch size times {name}", both, batch * positions)]


def _axis(k: int, label: str, n: int) -> _Size:
    return _Size(f"the length of axis {k} of {label}", f"axis {k} of {label}", n)


def _as_fraction(value: float) -> str:
    if math.isclose(value, round(value), rel_tol=1e-9) and abs(value) < 1e9:
        return str(round(value))
    if value != 0 and math.isclose(1 / value, round(1 / value), rel_tol=1e-9) and abs(1 / value) < 1e9:
        return f"{'-' if value < 0 else ''}1/{abs(round(1 / value))}"
    return f"{value:.6g}"
