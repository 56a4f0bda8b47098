"""What the three witnesses said at one point, gathered once and asked for more only where they disagree."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gradcheck.diagnosis.beside import Point, at_a_tie, points_beside
from gradcheck.diagnosis.halves import by_halves, supported_together
from gradcheck.diagnosis.joint import Joint, OneStep, one_step, planned
from gradcheck.diagnosis.second_point import Elsewhere, is_constant, wrong_elsewhere
from gradcheck.difference import distance, norm
from gradcheck.report import Probe
from gradcheck.state import random_direction
from gradcheck.trace import Sides, listening
from gradcheck.witnesses.derivative import Estimate
from gradcheck.witnesses.numeric import Numeric
from gradcheck.witnesses.subject import Array, Reference, Subject, Yours

__all__ = ["Evidence"]

# Below this many numbers in all, each gradient gets a probe of its own even when nothing is in doubt.
_SMALL = 10_000
# Off by so large a part of what a probe of a gradient shows, and by so many bars: no second direction is asked.
_PLAINLY, _BARS = 0.01, 1000


@dataclass
class Evidence:
    """The witnesses at ``values`` with ``upstreams``, and the probes made so far."""

    subject: Subject
    values: dict[str, Array]
    upstreams: Sequence[Array]
    yours: Yours
    reference: Reference
    rng: np.random.Generator
    moved: bool = False
    """Whether the gradients have been looked at at other values as well."""
    called_again: bool = False
    """Whether further calls of the backward have shown nothing amiss already."""
    numeric: Numeric = field(init=False)
    probes: dict[str, Probe] = field(default_factory=dict)
    drawn: dict[str, list[Probe]] = field(default_factory=dict)
    """Per variable: the probes along random directions."""
    joint: Probe | None = None
    together: dict[str, Probe] = field(default_factory=dict)
    """Per variable: the probe along several gradients at once that autograd's fitted."""
    corner: float = math.nan
    """By how much the slopes to both sides differ along all gradients together, where that is known."""
    stepped: Estimate | None = None
    """The joint derivative as a step to one side told it, where that was enough."""
    plan: Joint | None = None
    """The direction along which all gradients are asked together."""
    _precise: dict[str, Array | None] | None = None
    _elsewhere: dict[str, Elsewhere] | None = None
    _beside: list[Point] | None = None
    _tied: bool | None = None
    _zeros: bool | None = None
    _native: dict[str, Array] | None = None
    _single: dict[str, Array] | None = None
    _scale: float | None = None
    _lengths: dict[int, tuple[Array, float]] = field(default_factory=dict)
    _apart: dict[tuple[int, int], tuple[Array, Array, float]] = field(default_factory=dict)
    sides: Sides = field(default_factory=dict)
    """The sides that choices took at other values, where the gradients were looked at there."""
    supported: dict[str, bool] = field(default_factory=dict)
    """Per variable: whether numeric differences agree with autograd."""

    def __post_init__(self) -> None:
        outputs = self._here if self.subject.witnesses != "two" else None
        self.numeric = Numeric(self.subject, self.values, self.upstreams, outputs)

    @property
    def _here(self) -> Sequence[Array] | None:
        """What the forward gives at the values, where all is of float64."""
        arrays = (*self.values.values(), *self.yours.outputs)
        return self.yours.outputs if all(a.dtype == np.float64 for a in arrays) else None

    @property
    def autograd(self) -> dict[str, Array]:
        """Autograd's gradients, or none."""
        return self.reference.gradients or {}

    def length(self, array: Array) -> float:
        """The norm of a gradient, taken once: it is asked for again and again."""
        if id(array) not in self._lengths:
            self._lengths[id(array)] = array, norm(array)  # kept alive, so that the id is not used again
        return self._lengths[id(array)][1]

    def apart(self, left: Array, right: Array) -> float:
        """‖left - right‖ of two gradients, taken once."""
        key = id(left), id(right)
        if key not in self._apart:
            with np.errstate(all="ignore"):
                self._apart[key] = left, right, distance(left, right)
        return self._apart[key][2]

    def finite(self, array: Array) -> bool:
        """Whether all entries of a gradient are finite; then so is its norm, as far as that does not overflow."""
        return math.isfinite(self.length(array)) or bool(np.all(np.isfinite(array)))

    def beside(self) -> list[Point]:
        """Points close by on other branches, found once."""
        if self._beside is None:
            self._beside = points_beside(self)
        return self._beside

    def tied(self) -> bool:
        """Whether the inputs stand on a kink, found once."""
        if self._tied is None:
            self._tied = at_a_tie(self)
        return self._tied

    def has_zeros(self) -> bool:
        """Whether an entry of an array is zero."""
        if self._zeros is None:
            self._zeros = any(not np.all(value) for value in self.values.values())
        return self._zeros

    def is_smooth(self) -> bool:
        """Whether no corner is likely here: a step to one side of it would not show that the other one differs."""
        branches = self.reference.branches
        if self.reference.leaks or not isinstance(branches, tuple):
            return False  # it is not known
        return branches == () or not self.has_zeros()

    def precise(self) -> dict[str, Array | None]:
        """Your gradients computed in float64, to see the formula without its rounding; empty if that fails."""
        if self._precise is None:
            wide = {n: v.astype(np.float64) for n, v in self.values.items()}
            try:
                self._precise = self.subject.yours(wide, [u.astype(np.float64) for u in self.upstreams]).gradients
            except Exception:
                self._precise = {}
        return self._precise

    def elsewhere(self) -> dict[str, Elsewhere]:
        """What is right here and wrong at other values; asked where it is cheap or the values are special."""
        if self._elsewhere is None:
            with listening() as self.sides:
                self._elsewhere = wrong_elsewhere(self) if self.small() or self._special() else {}
        return self._elsewhere

    def _special(self) -> bool:
        """Whether an array or the upstream gradient has values that hide mistakes: all equal, or its own transpose."""
        if self.subject.upstream == "any" and all(is_constant(u) for u in self.upstreams):
            return True
        for value in self.values.values():
            if is_constant(value):
                return True
            square = value.ndim == 2 and value.shape[0] == value.shape[1] > 1
            if square and np.array_equal(value[0], value[:, 0]) and np.array_equal(value, value.T):
                return True
        return False

    def small(self) -> bool:
        """Whether probing every gradient on its own costs little."""
        return sum(v.size for v in self.values.values()) + sum(u.size for u in self.upstreams) <= _SMALL

    def direction(self, name: str) -> Array:
        """A fresh Gaussian direction: signed, so that errors of one sign do not hide, unlike on every call."""
        return random_direction(self.rng, self.values[name].shape)

    def cross_examine(self) -> None:
        """Ask numeric differences whether autograd's gradients are right: all at once, then one by one where needed."""
        if not self.autograd:
            return
        names = list(self.values)
        # where a value left the trace, each gradient may have lost a path of its own
        if self.small() or self.reference.leaks:
            for name in names:
                self.supported[name] = self.probe_agrees(name)
        elif not self._joint_probe(names):
            by_halves(self, names)
        for name in names:
            if name not in self.supported:  # what it contributes stayed far below the others
                self.supported[name] = self.probe_agrees(name)

    def one_step(self) -> OneStep | None:
        """The short step along all arrays that may tell the joint derivative; None where it cannot."""
        if self.small() or not self.autograd or self.reference.leaks or not isinstance(self.reference.branches, tuple):
            return None
        plan = self._planned()
        return None if plan is None else one_step(self, plan)

    def _planned(self) -> Joint | None:
        if self.plan is None:
            self.plan = planned(self, list(self.values))
        return self.plan

    def _take_one_step(self, names: Sequence[str]) -> None:
        step = self.one_step()
        if step is not None:
            with contextlib.suppress(Exception):  # values that the forward does not take
                step.taken(self, self.subject.forward(step.moved(self.values), names))

    def _joint_probe(self, names: Sequence[str]) -> bool:
        """One probe along all gradients together; True when autograd fits it.

        An array whose contribution stays far below the others is left to a probe of its own.
        """
        plan = self._planned()
        if plan is None:
            return False
        if self.stepped is None and self.reference.branches != ():
            self._take_one_step(names)  # without branches it was taken to confirm the first call, and was not enough
        here = self._here if self.subject.witnesses == "two" else None
        found = self.stepped or self.numeric.along(plan.direction, plan.target, plan.told, here=here)
        self.corner = found.corner
        self.joint = Probe(found.value, found.error, self._joint_yours(plan.direction), plan.told)
        return supported_together(self, found, plan)

    def joint_part(self, name: str) -> float:
        """How far one array is moved along the joint direction, which need not be of unit length."""
        plan = self.plan
        return 0.0 if plan is None or name not in plan.direction else norm(plan.direction[name])

    def _joint_yours(self, direction: dict[str, Array]) -> float | None:
        total = 0.0
        for n, v in direction.items():
            given = self.yours.gradients.get(n)
            if given is None or given.shape != v.shape:
                return None
            total += float(np.vdot(v, given))
        return total

    def probe(self, name: str, direction: Array | None = None, target: float | None = None) -> Probe:
        """One probe of one gradient along ``direction`` (default: a random one), as all witnesses tell it."""
        raw = self.direction(name) if direction is None else direction
        unit = raw / norm(raw)
        told = self.autograd.get(name)
        given = self.yours.gradients.get(name)
        if target is None:
            lengths = [norm(g) for g in (told, given) if g is not None]
            target = 1e-7 * max(lengths, default=0.0) / math.sqrt(max(unit.size, 1))
        expected = None
        if told is not None and not self.reference.leaks and not np.any(told):
            expected = 0.0  # behind a leak autograd's zero says nothing: a coarse forward is constant close by as well
        if told is not None and not self.small():
            expected, target = float(np.vdot(unit, told)), min(target, 1e-3 * self.length(told))
        found = self.numeric.along_unit(name, unit, target, expected, is_smooth=self.is_smooth())
        if direction is None and not math.isfinite(found.error):
            # a step out of the forward's domain (log of 1e-12 - h): move each entry in proportion to itself
            raw = raw * np.abs(self.values[name])
            unit = raw / (norm(raw) or 1.0)
            found = self.numeric.along_unit(name, unit, target)
        made = Probe(
            found.value,
            found.error,
            float(np.vdot(unit, given)) if given is not None and given.shape == unit.shape else None,
            float(np.vdot(unit, told)) if told is not None else None,
        )
        self.probes[name] = made
        if direction is None:
            self.drawn.setdefault(name, []).append(made)
        return made

    def probe_agrees(self, name: str) -> bool:
        """Whether numeric differences agree with autograd's gradient of ``name``."""
        for _ in range(2):  # a second direction before autograd is doubted
            made = self.probe(name)
            if self.fits_autograd(name, made):
                return True
            if self.is_plainly_off(made, name):
                break
        return self.subject.truth == "reference" and self._is_constant(name)

    def is_plainly_off(self, made: Probe, name: str) -> bool:
        """Whether autograd is off by far more than the bar, after all gradients together were off as well."""
        if self.joint is None or made.autograd is None:
            return False
        typical = self.length(self.autograd[name]) / math.sqrt(max(self.values[name].size, 1))
        return abs(made.autograd - made.numeric) > max(_PLAINLY * typical, _BARS * made.error)

    def _is_constant(self, name: str) -> bool:
        """Whether the forward does not change at all close by: rounding has no slope that speaks for or against a rule.

        A straight-through estimator is deliberately no derivative of it, and the reference that is named says which.
        """
        found = self.numeric.along_unit(name, self.direction(name), expected=0.0)
        return found.value == 0 and found.error == 0

    def fits_autograd(self, name: str, made: Probe) -> bool:
        """Whether autograd's value is inside the bar of ``made``, and the bar is small enough to mean something."""
        if made.autograd is None or not math.isfinite(made.error):
            return False
        length = norm(self.autograd[name]) / math.sqrt(max(self.values[name].size, 1))
        allowed = 1e-9 * length + self.zero_scale(name) * 1e-12
        fits = Estimate(made.numeric, made.error).fits(made.autograd, allowed)
        coarse = 1e-4 if self.reference.leaks else 1e-2
        resolved = made.error <= coarse * length or made.error <= 1e-6 * self.zero_scale(name)
        return fits and resolved

    def zero_scale(self, name: str) -> float:
        """What a zero gradient is small against: the sensitivity to any array, and the output, per unit of this one."""
        if self._scale is None:
            sizes = [self.numeric.size(n) * self.length(g) for n, g in self.autograd.items() if self.finite(g)]
            self._scale = max([*sizes, self.loudness()])
        return self._scale / self.numeric.size(name)

    def loudness(self) -> float:
        """‖upstream ∘ output‖: the size of what is differentiated."""
        pairs = zip(self.upstreams, self.yours.outputs, strict=True)
        return norm(np.array([norm(np.multiply(u, o, dtype=np.float64)) for u, o in pairs]))

    def native(self) -> dict[str, Array]:
        """Autograd's gradients computed in the user's own dtype: what rounding does to a right gradient."""
        if self._native is None:
            self._native = self.subject.autograd(self.values, self.upstreams, "native").gradients or {}
        return self._native

    def single(self) -> dict[str, Array]:
        """Autograd's gradients computed in float32."""
        if self._single is None:
            low = {name: value.astype(np.float32) for name, value in self.values.items()}
            self._single = self.subject.autograd(low, self.upstreams, "native").gradients or {}
        return self._single

    def upstream_sizes(self) -> list[float]:
        """The norm of each upstream gradient."""
        return [norm(u) for u in self.upstreams]
