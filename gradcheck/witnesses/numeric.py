"""The third witness: differences of the user's own forward, with an error bar."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gradcheck.difference import norm, pieces
from gradcheck.witnesses.derivative import Difference, Estimate, derivative
from gradcheck.witnesses.noise import hidden_unit
from gradcheck.witnesses.subject import Array, Subject, Values

__all__ = ["Numeric"]

_FEW = 10_000
# A step to one side alone is of this length, relative to the size of the arrays; no longer than the second, where the
# curvature of a forward begins to show beside what is asked of the slope.
_SHORTEST, _LONGEST = 1e-6, 1e-5


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
        self._rounding_here: float | None = None
        self.values = {n: v.astype(np.float64, copy=False) if v.dtype.kind == "f" else v for n, v in values.items()}
        self._sizes: dict[str, float] = {}
        self._seen: dict[tuple[str, tuple[int, ...]], Estimate] = {}  # at entries looked at for a corner
        self.upstreams = [np.asarray(u, dtype=np.float64) for u in upstreams]

    def size(self, name: str) -> float:
        """The root mean square of an array's entries (1 where all are zero): what steps are relative to."""
        if name not in self._sizes:
            value = self.values[name]
            rms = norm(value) / math.sqrt(max(value.size, 1))
            self._sizes[name] = rms if 0 < rms < math.inf else 1.0
        return self._sizes[name]

    def along(
        self,
        direction: Mapping[str, Array],
        target: float,
        expected: float | None = None,
        scale: float = 1.0,
        rough: bool = False,
        once: bool = False,
        here: Sequence[Array] | None = None,
    ) -> Estimate:
        """d/dt φ(θ + t·scale·direction) at t = 0; ``target`` and what follows it as in :func:`derivative`.

        ``here`` are the outputs at the values, where it is worth the while to tell a corner there.
        """
        if not direction:
            return Estimate(0.0, 0.0)
        outputs = self._moving(direction, scale)
        return derivative(self._difference(outputs, here), target, expected, self._change(outputs), rough, once)

    def _moving(self, direction: Mapping[str, Array], scale: float) -> Callable[[float], list[Array]]:
        """The outputs at the values moved by t·scale·direction, as a function of t."""

        def outputs(t: float) -> list[Array]:
            moved = dict(self.values)
            for n, v in direction.items():
                moved[n] = np.multiply(v, t * scale, out=np.empty(v.shape))
                moved[n] += self.values[n]
            return self._outputs(moved, list(direction))

        return outputs

    def _change(self, outputs: Callable[[float], list[Array]]) -> Callable[[float], float]:
        """φ at ``outputs(t)`` less φ at the first t that is asked for, as a function of t."""
        first: list[Array] = []

        def change(t: float) -> float:
            now = outputs(t)
            if not first:
                first.extend(now)
            with np.errstate(all="ignore"):
                return self._apart(now, first)

        return change

    def _apart(self, up: Sequence[Array], down: Sequence[Array]) -> float:
        """The difference of φ between two outputs: the outputs are subtracted, not their sums."""
        return sum(
            float(np.dot(a, np.subtract(b, c, dtype=np.float64)))
            for u, one, other in zip(self.upstreams, up, down, strict=True)
            for a, b, c in pieces(u, one, other)
        )

    def _difference(self, outputs: Callable[[float], list[Array]], known: Sequence[Array] | None = None) -> Difference:
        """φ at ``outputs(h)`` less φ at ``outputs(-h)``, and its rounding error, as a function of h.

        Also what tells φ at both less twice φ at the values, where the outputs there are ``known``, or at hand and few.
        """
        here = self._here if known is None and sum(u.size for u in self.upstreams) <= _FEW else known

        def difference(h: float) -> tuple[float, float] | tuple[float, float, Callable[[], float]]:
            try:
                up, down = outputs(h), outputs(-h)
            except Exception:
                return math.nan, math.nan
            with np.errstate(all="ignore"):
                change, rounding = self._apart(up, down), self.rounding(up, down)
            return (change, rounding) if here is None else (change, rounding, lambda: self._bend(up, here, down))

        return difference

    def _bend(self, up: Sequence[Array], here: Sequence[Array], down: Sequence[Array]) -> float:
        """φ to both sides less twice φ in between."""
        with np.errstate(all="ignore"):
            return self._apart(up, here) + self._apart(down, here)

    def short_step(self, target: float) -> float | None:
        """How long a step to one side is at which rounding is a tenth of ``target``; None where that is too long."""
        if self._here is None:
            return None
        if self._rounding_here is None:
            self._rounding_here = self.rounding(self._here)
        length = max(_SHORTEST, 2 * self._rounding_here / (0.1 * target)) if target else math.inf
        return length if length <= _LONGEST else None

    def _to_one_side(
        self, outputs: Callable[[float], list[Array]], target: float, expected: float | None
    ) -> Estimate | None:
        """What a short step to one side tells, where that is what another witness says, to within ``target``.

        As of a first step to both sides, a wrong value would have to lie there by chance.
        """
        step = self.short_step(target) if expected else None
        if step is None or expected is None or self._here is None:
            return None
        try:
            slope, noise = self.slope(self._here, outputs(step), step)
        except Exception:
            return None
        return Estimate(slope, target) if slope != 0 and abs(slope - expected) + 2 * noise <= target else None

    def slope(self, here: Sequence[Array], there: Sequence[Array], step: float) -> tuple[float, float]:
        """The slope from the outputs at the values to those ``step`` along a direction, and its rounding error."""
        if [o.shape for o in here] != [o.shape for o in there]:
            return math.nan, math.inf
        change = 0.0
        with np.errstate(all="ignore"):
            for u, start, end in zip(self.upstreams, here, there, strict=True):
                change += sum(float(np.dot(a, c - b)) for a, b, c in pieces(u, start, end))
        return change / step, self.rounding(here) / step

    def rounding(self, outputs: Sequence[Array], others: Sequence[Array] = ()) -> float:
        """The rounding error of φ: entries are off by about an ulp each, independently, so their sum in quadrature.

        ``others``, at other values, show whether they were rounded to fewer digits than their dtype has.
        """
        found = 0.0
        for k, (u, output) in enumerate(zip(self.upstreams, outputs, strict=True)):
            ulp = float(np.finfo(output.dtype).eps) if output.dtype.kind == "f" else 0.0
            if others:
                ulp = max(ulp, hidden_unit(output, others[k]))
            found += ulp * norm(np.array([norm(np.multiply(a, b, dtype=np.float64)) for a, b in pieces(u, output)]))
        return found

    def _outputs(self, values: Values, spare: Sequence[str] = ()) -> list[Array]:
        """The forward's outputs; a shape that changes from call to call (a buffer of another batch) cannot be used."""
        outputs = self.subject.forward(values, spare)
        if [o.shape for o in outputs] != [u.shape for u in self.upstreams]:
            raise ValueError("the forward's outputs have other shapes than before")
        return outputs

    def along_unit(
        self,
        name: str,
        direction: Array,
        target: float = 0.0,
        expected: float | None = None,
        rough: bool = False,
        is_smooth: bool = False,
    ) -> Estimate:
        """v·∂φ/∂name along ``direction`` scaled to unit length, stepping by the array's own size.

        ``target``, ``expected`` and ``rough`` as in :func:`derivative`. Where no corner is likely (``is_smooth``), a
        step to one side is enough if it tells what is expected.
        """
        length = norm(direction)
        if length == 0:
            return Estimate(math.nan, math.inf)
        size = self.size(name)
        told = None if expected is None else expected * size
        moving = self._moving({name: direction}, size / length)
        found = self._to_one_side(moving, target * size, told) if is_smooth else None
        found = found or self.along({name: direction}, target * size, told, size / length, rough)
        return Estimate(found.value / size, found.error / size)

    def entry(
        self,
        name: str,
        index: tuple[int, ...],
        target: float = 0.0,
        expected: float | None = None,
        is_smooth: bool = False,
    ) -> Estimate:
        """The derivative with respect to one entry; ``target`` and what follows it as in :meth:`along_unit`."""
        size, value = self.size(name), self.values[name]
        seen = self._seen.get((name, index))
        if seen is not None and expected is not None and abs(seen.value - expected) + 2 * seen.error <= target:
            return Estimate(seen.value, target)
        told = None if expected is None else expected * size

        def outputs(t: float) -> list[Array]:
            return self._outputs({**self.values, name: _moved(value, index, t * size)}, [name])

        found = self._to_one_side(outputs, target * size, told) if is_smooth else None
        found = found or derivative(self._difference(outputs), target * size, told, self._change(outputs))
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
        rounding = 64e-15 * max(abs(here), abs(low)) / h
        self._seen[name, index] = Estimate((left + right) / 2, rounding)
        # what both are off by for the second derivative is half of what they differ by without a kink
        slack = 4 * abs(right - left) + 1e-5 * max(abs(left), abs(right)) + rounding
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
