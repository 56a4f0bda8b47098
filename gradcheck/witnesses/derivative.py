"""A derivative from differences of function values, with a bar that covers its error."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gradcheck.witnesses.noise import measured_noise

__all__ = ["Difference", "Estimate", "derivative"]

Difference = Callable[[float], tuple[float, float] | tuple[float, float, Callable[[], float]]]

# Steps relative to the size of what is perturbed. The truncation error of the first pair is about 1e-7 of the third
# derivative's share, its rounding error about 1e-13; the ladder below goes on where that is not good enough.
_FIRST_STEP = 1e-3
# A single step, without another to tell the truncation from, is shorter: a hundredth of that is left.
_ONLY_STEP = 1e-4

# No powers of two: a forward computed in a lower precision rounds h and h/2 alike, and two equally wrong differences
# look like a good one.
_SECOND = (5**0.5 - 1) / 2
_RATIO = 2**0.5 - 1.14
_DEEPEST = 5
_LADDER = tuple(1e-1 * _RATIO**k for k in range(13))

# So many standard deviations of the noise are in a bar that was chosen as the narrowest of many.
_SIGMAS = 5.0
# A value that is so many bars away is another one, whatever a finer estimate would say.
_APART = 8.0
# A change that is so many times its rounding, and gone at the next step, was a jump.
_JUMP = 64.0
# So many steps in a row without any change.
_CONSTANT = 3


@dataclass(frozen=True)
class Estimate:
    """A derivative and the error it may have; ``error`` is infinite when nothing could be said."""

    value: float
    error: float
    corner: float = math.nan
    """By how much the slopes to the two sides differ at the very point, where two steps told it."""

    def fits(self, value: float, slack: float = 0.0) -> bool:
        """Whether ``value`` is inside the error bar (widened by ``slack``)."""
        return math.isfinite(self.error) and abs(value - self.value) <= self.error + slack


_NOTHING = Estimate(math.nan, math.inf)


def derivative(
    difference: Difference,
    target: float,
    expected: float | None = None,
    change: Callable[[float], float] | None = None,
    rough: bool = False,
    once: bool = False,
) -> Estimate:
    """Differentiate at 0 from ``difference(h) = (f(h) - f(-h), its rounding error)``, to ``target`` where it can.

    What tells f(h) - 2f(0) + f(-h) may be given with them where f(0) is known: it is called where one step was not
    enough.

    The central difference D(h) = (f(h) - f(-h)) / 2h has error h²f'''/6 + O(h⁴). With k = rh the difference
    D(k) - D(h) is -(1 - r²)h²f'''/6, so that D(k) + (D(k) - D(h)) r²/(1 - r²) is free of that term. Two steps and
    their whole difference as the bar are enough for a smooth forward. Otherwise (noise, large curvature, a kink inside
    the step) Ridders' tableau over a ladder of steps: extrapolate in h², keep the entry whose neighbours differ least
    (C. J. F. Ridders, Advances in Engineering Software 4, 1982).

    There may be more noise than the outputs' dtype shows, and the narrowest of many bars is then narrow by chance. So
    where two steps were not enough the noise is measured from ``change(t) = f(t) - f(0)``, up to a
    constant (:func:`~gradcheck.witnesses.noise.measured_noise`), and is part of every bar that is chosen from.

    ``expected`` is what another witness says. Where the first step alone comes within ``target`` of it there is nothing
    left to ask: a wrong value would have to lie there by chance. With ``rough`` nothing is left to ask either where the
    first two are many bars away from it. With ``once`` a single, shorter step is all that is asked, and what it leaves
    out is taken to be no more than ``target``.

    Steps into the complex plane are not used: ``abs``, ``var`` and norms return a derivative of 0 there, and code in C
    takes none.
    """

    last: list[Callable[[], float]] = []

    def central(h: float) -> tuple[float, float]:
        change, rounding, *bend = difference(h)
        last[:] = bend
        return change / (2 * h), rounding / (2 * h)

    if once:
        only, noise = central(_ONLY_STEP)
        return Estimate(only, max(target, 2 * noise)) if math.isfinite(only + noise) else _NOTHING
    wide, noise = central(_FIRST_STEP)
    if expected is not None and wide != 0 and abs(wide - expected) + 2 * noise <= target:
        return Estimate(wide, target)
    bends = [bend() for bend in last]
    narrow, noise = central(_FIRST_STEP * _SECOND)
    bends += [bend() for bend in last]
    last.clear()
    square = _SECOND**2
    quick = Estimate(narrow + (narrow - wide) * square / (1 - square), abs(narrow - wide) + 2 * noise)
    if quick.error <= target and wide != 0:  # no change at all may also mean a step below the forward's resolution
        hidden = 8 * _unexplained(bends) / (2 * _FIRST_STEP * _SECOND)
        return Estimate(quick.value, hidden if hidden > 3 * quick.error else quick.error, _corner(bends))
    if rough and expected is not None and abs(quick.value - expected) > _APART * quick.error + target:
        return quick
    if expected == 0 and _is_constant(central):
        return Estimate(0.0, target)
    sigma = 0.0
    if change is not None:
        with contextlib.suppress(Exception):  # beside these values there are some that the forward does not take
            sigma = measured_noise(change)
    candidates = _ladder(central, target, _SIGMAS * sigma / math.sqrt(2))
    return _narrowest(candidates)


def _is_constant(central: Callable[[float], tuple[float, float]]) -> bool:
    """Whether f does not change at all close by, to the last bit, though it may jump a little further on.

    So is the backward of a ReLU, u where x > 0, as a function of x. A step over the jump shows a change far above the
    rounding, and the next one, a quarter as long, none. What sinks below the resolution of f ends near its rounding,
    or had the same slope twice before.
    """
    zeros, earlier, before, rounding = 0, 0.0, math.inf, 0.0
    for h in _LADDER:
        slope, noise = central(h)
        if slope == 0:
            settled = math.isfinite(before) and abs(abs(earlier) - abs(before)) <= 0.1 * abs(before)
            if settled or abs(before) <= _JUMP * rounding:
                return False
            zeros += 1
            if zeros == _CONSTANT:
                return True
        else:
            zeros, earlier, before, rounding = 0, before, slope, noise
    return False


def _unexplained(bends: Sequence[float]) -> float:
    """What is left of f(h) - 2f(0) + f(-h) of two steps by the law of a smooth f, or by that of a corner: noise.

    It goes as h² where f is smooth and as h at a corner. Two slopes that agree by chance, amid noise that the dtype
    does not show, betray themselves here.
    """
    if len(bends) < 2:
        return 0.0
    wide, narrow = bends
    return min(abs(narrow - _SECOND**2 * wide), abs(narrow - _SECOND * wide))


def _corner(bends: Sequence[float]) -> float:
    """f'(0+) - f'(0-) by f(h) - 2f(0) + f(-h) at two steps: h² times the curvature, and h times what is asked for."""
    if len(bends) < 2:
        return math.nan
    wide, narrow = bends
    return (narrow - _SECOND**2 * wide) / (_FIRST_STEP * (_SECOND - _SECOND**2))


def _narrowest(rows: Sequence[Sequence[Estimate]]) -> Estimate:
    """The estimate with the narrowest bar of those that no smaller step contradicts.

    Steps that are far too long may agree with one another: those over a whole valley of f, where the inputs are large
    beside what f tells apart.
    """
    finer: list[Estimate] = []
    kept: list[Estimate] = []
    for row in reversed(rows):
        kept += [one for one in row if all(abs(one.value - f.value) <= one.error + f.error for f in finer)]
        if row:
            finer.append(min(row, key=lambda one: one.error))
    return min(kept, key=lambda one: one.error, default=_NOTHING)


def _ladder(
    central: Callable[[float], tuple[float, float]], target: float, noise_over_steps: float
) -> list[list[Estimate]]:
    """Ridders' tableau over a ladder of steps; three rows must agree, for two may by chance where digits are few.

    D(h) is the difference of two values over 2h, so that noise of σ in them is σ/(√2 h) in it: ``noise_over_steps`` is
    that without the h. The entries of the tableau by rows; the last row has one within ``target`` where any is.
    """
    rows: list[list[float]] = []
    found: list[list[Estimate]] = []
    for h in _LADDER:
        start, noise = central(h)
        if start == 0 and any(row[0] != 0 for row in rows):
            break  # the step has sunk below the resolution of the forward: further zeros say nothing
        new = [start]
        found.append([])
        factor = 1.0
        reached = False
        for j, old in enumerate(rows[-1][:_DEEPEST] if rows else ()):
            factor /= _RATIO**2
            new.append((new[j] * factor - old) / (factor - 1))
            if len(rows) < 2:
                continue
            earlier = rows[-2][min(max(j - 1, 0), len(rows[-2]) - 1)]
            spread = 2 * max(abs(new[j + 1] - new[j]), abs(new[j + 1] - old), abs(old - earlier))
            error = spread + max(4 * noise, noise_over_steps / h)
            if math.isfinite(error):
                found[-1].append(Estimate(new[j + 1], error))
                reached = reached or error <= target
        rows.append(new)
        if reached:
            break
    return found
