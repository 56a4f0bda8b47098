"""The third witness: differences of the user's own forward, with an error bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.difference import norm, pieces
from gradcheck.witnesses.subject import Array, Subject, Values

__all__ = ["Estimate", "Numeric", "derivative"]

# Steps relative to the size of what is perturbed. The truncation error of the first pair is about 1e-7 of the third
# derivative's share, its rounding error about 1e-13; the ladder below goes on where that is not good enough.
_FIRST_STEP = 1e-3

# No powers of two: a forward computed in a lower precision rounds h and h/2 alike, and two equally wrong differences
# look like a good one.
_SECOND = (5**0.5 - 1) / 2
_RATIO = 2**0.5 - 1.14
_DEEPEST = 5
_LADDER = tuple(1e-1 * _RATIO**k for k in range(13))


@dataclass(frozen=True)
class Estimate:
    """A derivative and the error it may have; ``error`` is infinite when nothing could be said."""

    value: float
    error: float

    def fits(self, value: float, slack: float = 0.0) -> bool:
        """Whether ``value`` is inside the error bar (widened by ``slack``)."""
        return math.isfinite(self.error) and abs(value - self.value) <= self.error + slack


def derivative(
    difference: Callable[[float], tuple[float, float]], target: float, expected: float | None = None
) -> Estimate:
    """Differentiate at 0 from ``difference(h) = (f(h) - f(-h), its rounding error)``, to ``target`` where it can.

    The central difference D(h) = (f(h) - f(-h)) / 2h has error h²f'''/6 + O(h⁴). With k = rh the difference
    D(k) - D(h) is -(1 - r²)h²f'''/6, so that D(k) + (D(k) - D(h)) r²/(1 - r²) is free of that term. Two steps and
    their whole difference as the bar are enough for a smooth forward. Otherwise (noise, large curvature, a kink inside
    the step) Ridders' tableau over a ladder of steps: extrapolate in h², keep the entry whose neighbours differ least
    (C. J. F. Ridders, Advances in Engineering Software 4, 1982).

    ``expected`` is what another witness says. Where the first step alone comes within ``target`` of it there is nothing
    left to ask: a wrong value would have to lie there by chance.
    """

    def central(h: float) -> tuple[float, float]:
        change, rounding = difference(h)
        return change / (2 * h), rounding / (2 * h)

    wide, noise = central(_FIRST_STEP)
    if expected is not None and wide != 0 and abs(wide - expected) + 2 * noise <= target:
        return Estimate(wide, target)
    narrow, noise = central(_FIRST_STEP * _SECOND)
    square = _SECOND**2
    quick = Estimate(narrow + (narrow - wide) * square / (1 - square), abs(narrow - wide) + 2 * noise)
    if quick.error <= target and wide != 0:  # no change at all may also mean a step below the forward's resolution
        return quick
    return _ladder(central, target, Estimate(math.nan, math.inf))


def _ladder(central: Callable[[float], tuple[float, float]], target: float, best: Estimate) -> Estimate:
    """Ridders' tableau over a ladder of steps; three rows must agree, for two may by chance where digits are few."""
    rows: list[list[float]] = []
    for h in _LADDER:
        start, noise = central(h)
        if start == 0 and any(row[0] != 0 for row in rows):
            break  # the step has sunk below the resolution of the forward: further zeros say nothing
        new = [start]
        factor = 1.0
        for j, old in enumerate(rows[-1][:_DEEPEST] if rows else ()):
            factor /= _RATIO**2
            new.append((new[j] * factor - old) / (factor - 1))
            if len(rows) < 2:
                continue
            earlier = rows[-2][min(max(j - 1, 0), len(rows[-2]) - 1)]
            error = 2 * max(abs(new[j + 1] - new[j]), abs(new[j + 1] - old), abs(old - earlier)) + 4 * noise
            if error < best.error:
                best = Estimate(new[j + 1], error)
        rows.append(new)
        if best.error <= target:
            break
    return best


class Numeric:
    """Slopes of ``φ(θ) = Σ upstream · forward(θ)`` at ``values``, along directions and at single entries.

    The forward is evaluated in float64 whatever the user's dtype, so that only what it computes in a lower
    precision itself adds noise.
    """

    def __init__(
        self,
        subject: Subject,
        values: Values,
        upstreams: Sequence[Array],
        outputs: Sequence[Array] | None = None,
    ) -> None:
        """``outputs``: what the forward gives at ``values``, where that is known and of float64 throughout."""
        self.subject = subject
        self._here = outputs
        self.values = {n: v.astype(np.float64, copy=False) if v.dtype.kind == "f" else v for n, v in values.items()}
        self._sizes: dict[str, float] = {}
        self.upstreams = [np.asarray(u, dtype=np.float64) for u in upstreams]

    def size(self, name: str) -> float:
        """The root mean square of an array's entries (1 where all are zero): what steps are relative to."""
        if name not in self._sizes:
            value = self.values[name]
            rms = norm(value) / math.sqrt(max(value.size, 1))
            self._sizes[name] = rms if 0 < rms < math.inf else 1.0
        return self._sizes[name]

    def along(
        self, direction: Mapping[str, Array], target: float, expected: float | None = None, scale: float = 1.0
    ) -> Estimate:
        """d/dt φ(θ + t·scale·direction) at t = 0; ``target`` and ``expected`` as in :func:`derivative`."""
        if not direction:
            return Estimate(0.0, 0.0)

        def outputs(t: float) -> list[Array]:
            moved = dict(self.values)
            for n, v in direction.items():
                moved[n] = np.multiply(v, t * scale, out=np.empty(v.shape))
                moved[n] += self.values[n]
            return self._outputs(moved, list(direction))

        return derivative(self._difference(outputs), target, expected)

    def _difference(self, outputs: Callable[[float], list[Array]]) -> Callable[[float], tuple[float, float]]:
        """φ at ``outputs(h)`` less φ at ``outputs(-h)``, and its rounding error, as a function of h."""

        def difference(h: float) -> tuple[float, float]:
            change = 0.0
            try:
                both = outputs(h), outputs(-h)
            except Exception:
                return math.nan, math.nan
            with np.errstate(all="ignore"):
                for u, up, down in zip(self.upstreams, *both, strict=True):
                    change += sum(
                        float(np.dot(a, np.subtract(b, c, dtype=np.float64))) for a, b, c in pieces(u, up, down)
                    )
                return change, self.rounding(both[0])

        return difference

    def slope(self, here: Sequence[Array], there: Sequence[Array], step: float) -> tuple[float, float]:
        """The slope from the outputs at the values to those ``step`` along a direction, and its rounding error."""
        if [o.shape for o in here] != [o.shape for o in there]:
            return math.nan, math.inf
        change = 0.0
        with np.errstate(all="ignore"):
            for u, start, end in zip(self.upstreams, here, there, strict=True):
                change += sum(float(np.dot(a, c - b)) for a, b, c in pieces(u, start, end))
        return change / step, self.rounding(here) / step

    def rounding(self, outputs: Sequence[Array]) -> float:
        """The rounding error of φ: entries are off by about an ulp each, independently, so their sum in quadrature."""
        found = 0.0
        for u, output in zip(self.upstreams, outputs, strict=True):
            ulp = float(np.finfo(output.dtype).eps) if output.dtype.kind == "f" else 0.0
            found += ulp * norm(np.array([norm(np.multiply(a, b, dtype=np.float64)) for a, b in pieces(u, output)]))
        return found

    def _outputs(self, values: Values, spare: Sequence[str] = ()) -> list[Array]:
        """The forward's outputs; a shape that changes from call to call (a buffer of another batch) cannot be used."""
        outputs = self.subject.forward(values, spare)
        if [o.shape for o in outputs] != [u.shape for u in self.upstreams]:
            raise ValueError("the forward's outputs have other shapes than before")
        return outputs

    def along_unit(self, name: str, direction: Array, target: float = 0.0, expected: float | None = None) -> Estimate:
        """v·∂φ/∂name along ``direction`` scaled to unit length, stepping by the array's own size.

        ``target`` and ``expected`` as in :func:`derivative`.
        """
        length = norm(direction)
        if length == 0:
            return Estimate(math.nan, math.inf)
        size = self.size(name)
        told = None if expected is None else expected * size
        found = self.along({name: direction}, target * size, told, size / length)
        return Estimate(found.value / size, found.error / size)

    def entry(self, name: str, index: tuple[int, ...], target: float = 0.0, expected: float | None = None) -> Estimate:
        """The derivative with respect to one entry; ``target`` and ``expected`` as in :func:`derivative`."""
        size, value = self.size(name), self.values[name]
        told = None if expected is None else expected * size

        def outputs(t: float) -> list[Array]:
            return self._outputs({**self.values, name: _moved(value, index, t * size)}, [name])

        found = derivative(self._difference(outputs), target * size, told)
        return Estimate(found.value / size, found.error / size)

    def is_beyond_slopes(self, name: str, index: tuple[int, ...], given: float) -> bool:
        """Whether ``given`` is plainly neither the slope to the left of one entry, nor to its right, nor between them.

        Asked of the two nearest points alone, where the forward computes in float64; False where that is not known.
        """
        if self._here is None:
            return False
        value = self.values[name]
        h = 1e-5 * max(self.size(name), abs(float(value[index])))
        try:
            here, low, high = self._phi(self._here), *(self._phi_at(name, _moved(value, index, t)) for t in (-h, h))
        except Exception:
            return False
        left, right = (here - low) / h, (high - here) / h
        # what both are off by for the second derivative is half of what they differ by without a kink
        slack = 4 * abs(right - left) + 1e-5 * max(abs(left), abs(right)) + 64e-15 * max(abs(here), abs(low)) / h
        return given < min(left, right) - slack or given > max(left, right) + slack

    def one_sided(self, name: str, index: tuple[int, ...]) -> tuple[float, float, float]:
        """The slopes to the left and to the right of one entry, and the error of each."""
        value = self.values[name]
        return self._slopes(name, lambda t: _moved(value, index, t), abs(float(value[index])))

    def one_sided_along(self, name: str, direction: Array) -> tuple[float, float, float]:
        """The slopes against and along ``direction``, and the error of each.

        NaN where the forward does not take the values beside these.
        """
        return self._slopes(name, lambda t: self.values[name] + t * direction, 0.0)

    def _slopes(self, name: str, moved: Callable[[float], Array], size: float) -> tuple[float, float, float]:
        """Of φ where ``name`` is ``moved(t)``, on both sides of t = 0; steps are relative to ``size``."""
        h = 1e-5 * max(self.size(name), size)
        try:
            here, *beside = (self._phi_at(name, moved(t)) for t in (0.0, -h, -h / 2, h, h / 2))
        except Exception:
            return math.nan, math.nan, math.inf
        slopes, errors = [], []
        for step, far, near in ((-h, *beside[:2]), (h, *beside[2:])):
            # (4φ(h/2) - φ(h) - 3φ(0)) / h is free of the second derivative
            slopes.append((4 * near - far - 3 * here) / step)
            errors.append(abs((far - here) / step - slopes[-1]) + 1e-15 * max(abs(here), abs(far)) * 8 / h)
        return slopes[0], slopes[1], max(errors)

    def _phi_at(self, name: str, moved: Array) -> float:
        return self._phi(self._outputs({**self.values, name: moved}, [name]))

    def _phi(self, outputs: Sequence[Array]) -> float:
        return sum(float(np.sum(u * o)) for u, o in zip(self.upstreams, outputs, strict=True))


def _moved(value: Array, index: tuple[int, ...], by: float) -> Array:
    """A copy with one entry moved."""
    other = value.copy()
    other[index] += by
    return other
