"""The settings of an adaptive rule, fitted to its moves: decays, ε, and the count of steps where it began before.

A move of Adam is a smooth function of β1, β2 and ε, and each of its many entries says something of these three. They
are found by least squares (Levenberg 1944, Marquardt 1963) from the best of a coarse grid. What is found so explains
the moves to within rounding or is nothing: that is for the caller to ask.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from gradcheck.descent.moves.adaptive import Adaptive, Fault
from gradcheck.descent.moves.move import Array

__all__ = ["ENOUGH", "Start", "State", "fitted", "rounded"]

ENOUGH = 12  # entries of all moves together, for at most four settings
State = tuple[Array, Array, float]
"""m, v and the count of steps before the first."""

_ROUNDS = 120
_BEGUN = 4  # points of each rule's grid that are taken a few rounds on
_WAYS = 2  # of these, and so many of all rules, that are taken to the end
_BEST = 8
_SHORT = 6
_SAME = 0.05
_SETTLED = 1e-13
_SLOW = (0.0, 0.3, 0.6, 0.9, 0.97)
_SQUARES = (0.3, 0.7, 0.9, 0.99, 0.999)
_EPSILONS = (1e-6, 1e-3, 0.03, 1.0, 6.0, 25.0)  # of the gradient's size, or of its square under the root
_LONGEST = 5.0  # the power of ten of the steps that may have been made before
_HOPELESS = 0.4  # of the squares of each move, left by the best of the grid
_FAR = 0.02  # of them, after a few rounds
_ROUGH = 1e-2
_NOTHING = 1e-5
_TINY = (1e-8, 0.0)  # what ε is likely to be where it makes no difference
_LOWEST, _HIGHEST = -14.0, 2.0  # powers of ten, of ε over that size: far above it v has no say, and all is momentum


Kind = Literal["Adam", "RMSprop", "AdaGrad"]


@dataclass(frozen=True, eq=False)
class Start:
    """Moments before the first step: zero, of which any rule may begin, or those of one rule whose decays are known."""

    m: Array
    v: Array
    kind: Kind | None = None
    beta: float = 0.0
    gamma: float = 0.0


@dataclass(frozen=True)
class _Family:
    """A rule without its settings; ``counted``: the steps that were made before are one of them."""

    kind: Kind
    inside: bool
    fault: Fault
    start: Start
    counted: bool = False

    def at(self, x: Array) -> tuple[Adaptive, State]:
        """The rule with settings x: log(1 - β1), log(1 - β2), log ε and log t, all to base ten."""
        beta, gamma = max(0.0, 1 - 10 ** x[0]), max(0.0, 1 - 10 ** x[1])
        if self.kind != "Adam":
            beta = 0.0
        rule = Adaptive(self.kind, float(beta), float(gamma), float(10 ** x[2]), self.inside, self.fault, fitted=True)
        return rule, (self.start.m, self.start.v, float(10 ** x[3]) if self.counted else 0.0)

    @property
    def free(self) -> list[int]:
        """Which of the four are settings of it."""
        own = {"Adam": [0, 1, 2], "RMSprop": [1, 2], "AdaGrad": [2]}[self.kind] if self.start.kind is None else [2]
        return [*own, 3] if self.counted else own


def fitted(gradients: Sequence[Array], moved: Sequence[Array], start: Start) -> Iterator[tuple[Adaptive, float]]:
    """Rules that come closest, the closest first: each with the count of steps before.

    Args:
        gradients: of each step, some entries.
        moved: by what each step moved them, divided by -lr.
        start: what may have stood there before the first.
    """
    size = math.sqrt(float(np.mean(gradients[0] ** 2)))
    lengths = [float(np.linalg.norm(one)) for one in moved]
    if not size or not all(lengths) or (start.kind is None and not _may_begin_so(gradients[0], moved[0])):
        return

    def residual(family: _Family, x: Array) -> Array:
        rule, (m, v, t) = family.at(x)
        made = rule.directions(gradients, m, v, t)
        return np.concatenate([(a - b) / length for a, b, length in zip(made, moved, lengths, strict=True)])

    hopeless, far = _HOPELESS * len(moved), _FAR * len(moved)
    with np.errstate(all="ignore"):
        begun = []
        for family in _families(start):
            grid = []
            for x in _grid(family, size):
                if family.counted:
                    x[3] = _count(family, x, gradients[0], moved[0])
                grid.append((_cost(residual(family, x)), x))
            grid = sorted(grid, key=lambda one: one[0])[:_BEGUN]
            close = [(*_least(residual, family, x, size, _SHORT), family) for cost, x in grid if cost < hopeless]
            begun += _apart(sorted(close, key=lambda one: one[0]))[:_WAYS]
        begun = sorted((one for one in begun if one[0] < far), key=lambda one: one[0])[:_BEST]
        ends = [(*_least(residual, f, x, size, _ROUNDS), f) for _, x, f in begun]
        for _, x, family in sorted(ends, key=lambda one: one[0]):
            t = 0
            if family.counted:  # a whole number, at which the others are found anew
                t = max(1, round(10 ** x[3]))
                x = np.array([*x[:3], math.log10(t)])
                x = _least(residual, family, x, size, _ROUNDS, fixed=(3,))[1]
            rule = family.at(x)[0]
            if rule.kind == "Adam" and rule.beta < _NOTHING and rule.fault in ("uncorrected", "uncorrected v"):
                rule = replace(rule, kind="RMSprop", beta=0.0, fault="")  # its m is g
            yield rule, t


def _may_begin_so(g: Array, moved: Array) -> bool:
    """Whether the first move can be one from moments of zero, of any of the rules: a·g / (|g| + ε), or with √(g² + ε).

    So |g| = |move|·(|g| + ε) / a, which is linear in 1/a and ε/a; for the other one the same of the squares.
    """
    for size, made in ((np.abs(g), moved * np.sign(g)), (g * g, moved * np.abs(moved) * np.sign(g))):
        if np.sqrt(np.mean(np.minimum(made, 0) ** 2)) > _ROUGH * np.sqrt(np.mean(made**2)):
            return False  # against the sign
        sides = np.stack([made * size, made], 1)
        scales = np.linalg.norm(sides, axis=0)
        found = np.linalg.lstsq(sides / scales, size, rcond=None)[0]
        if np.linalg.norm(sides / scales @ found - size) <= _ROUGH * np.linalg.norm(size):
            return True
    return False


def rounded(rule: Adaptive, explains: Callable[[Adaptive], bool]) -> Adaptive:
    """The same with as few digits as explain the moves as well."""
    betas, gammas = ([_short_decay(value, d) for d in range(3)] for value in (rule.beta, rule.gamma))
    epsilons = [*_TINY, *(float(f"{rule.epsilon:.{d}e}") for d in range(3))]
    for beta, gamma, epsilon in sorted(
        set(itertools.product(betas, gammas, epsilons)),
        key=lambda one: (betas.index(one[0]) + gammas.index(one[1]), epsilons.index(one[2])),
    ):
        shorter = replace(rule, beta=beta, gamma=gamma, epsilon=epsilon)
        if explains(shorter):
            return shorter
    return rule


def _short_decay(value: float, digits: int) -> float:
    return round(1 - float(f"{1 - value:.{digits}e}"), 12)


def _count(family: _Family, x: Array, gradient: Array, moved: Array) -> float:
    """log t of the count at which the correction makes the first move as long as it was, where that is the longest."""
    rule, (m, v, _) = family.at(x)
    i = int(np.argmax(np.abs(moved)))
    mean = rule.beta * m[i] + (1 - rule.beta) * gradient[i]
    square = rule.gamma * v[i] + (1 - rule.gamma) * gradient[i] ** 2
    t = np.logspace(math.log10(2), _LONGEST, 400)
    of_m, of_v = rule.corrections(t)
    root = np.sqrt(square / of_v + rule.epsilon) if rule.inside else np.sqrt(square / of_v) + rule.epsilon
    ratio = mean / of_m / root / moved[i]
    off = np.abs(np.log(np.where(ratio > 0, ratio, np.nan)))
    return float(np.log10(t[int(np.nanargmin(off))])) if np.isfinite(off).any() else 1.0


def _apart(found: Sequence[tuple[float, Array, _Family]]) -> list[tuple[float, Array, _Family]]:
    """The first of those that came to the same place."""
    kept: list[tuple[float, Array, _Family]] = []
    for cost, x, family in found:
        if not any(family == other and float(np.abs(x - y).max()) < _SAME for _, y, other in kept):
            kept.append((cost, x, family))
    return kept


def _families(start: Start) -> Iterator[_Family]:
    for inside in (False, True):
        if start.kind in (None, "Adam"):
            yield _Family("Adam", inside, "", start, counted=start.kind is not None)
            yield _Family("Adam", inside, "uncorrected", start)
            yield _Family("Adam", inside, "uncounted", start)
            yield _Family("Adam", inside, "uncorrected m", start, counted=start.kind is not None)
            yield _Family("Adam", inside, "uncorrected v", start, counted=start.kind is not None)
        if start.kind in (None, "RMSprop"):
            yield _Family("RMSprop", inside, "", start)
        if start.kind in (None, "AdaGrad"):
            yield _Family("AdaGrad", inside, "", start)


def _grid(family: _Family, size: float) -> Iterator[Array]:
    free, start = family.free, family.start
    slow = _SLOW if 0 in free else (start.beta,)
    squares = _SQUARES if 1 in free else (start.gamma,)
    scale = size**2 if family.inside else size
    for beta, gamma, epsilon in itertools.product(slow, squares, _EPSILONS):
        yield np.log10([1 - beta, 1 - gamma, epsilon * scale, 1.0])


def _cost(residual: Array) -> float:
    cost = float(residual @ residual)
    return cost if math.isfinite(cost) else math.inf


def _least(
    residual: Callable[[_Family, Array], Array],
    family: _Family,
    x: Array,
    size: float,
    rounds: int,
    fixed: tuple[int, ...] = (),
) -> tuple[float, Array]:
    """Levenberg and Marquardt's descent from x, within bounds: the cost and where it ends."""
    free = [k for k in family.free if k not in fixed]
    scale = math.log10(size) * (2 if family.inside else 1)
    low = np.array([-5.0, -5.0, _LOWEST + scale, 0.0])
    high = np.array([0.0, 0.0, _HIGHEST + scale, _LONGEST])
    r = residual(family, x)
    cost, damping = _cost(r), 1e-2
    for _ in range(rounds):
        if not math.isfinite(cost) or cost < _SETTLED**2 * r.size:
            break
        columns = []
        for k in free:
            ahead = x.copy()
            ahead[k] += 1e-6 if x[k] + 1e-6 <= high[k] else -1e-6
            columns.append((residual(family, ahead) - r) / (ahead[k] - x[k]))
        slopes = np.stack(columns, 1)
        if not np.all(np.isfinite(slopes)):
            break
        square = slopes.T @ slopes
        for _ in range(8):
            step = np.linalg.solve(square + damping * np.diag(np.diag(square) + 1e-20), slopes.T @ r)
            there = x.copy()
            there[free] -= np.clip(step, -1.0, 1.0)
            there = np.clip(there, low, high)
            r_there = residual(family, there)
            if (cost_there := _cost(r_there)) < cost:
                break
            damping *= 5
        else:
            break
        gained = 1 - cost_there / cost
        x, r, cost, damping = there, r_there, cost_there, max(damping / 8, 1e-14)
        if gained < 1e-12:
            break
    return cost, x
