"""GC405: the learning rate is decayed in one variable, and the weights move by another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample
from gradcheck.report import Finding

__all__ = ["LearningRateElsewhere"]

_ENOUGH = 3
_DECAYED = 0.02  # by so much, relatively, must the named rate have changed
_STEADY = 0.1  # and the one in effect by at most this share of it
_EQUAL = 1e-6


@dataclass(slots=True)
class _Course:
    first: float
    last: float
    low: float
    high: float
    seen: int
    since: int
    until: int

    def add(self, step: int, value: float) -> None:
        self.last, self.until, self.seen = value, step, self.seen + 1
        self.low, self.high = min(self.low, value), max(self.high, value)

    @property
    def change(self) -> float:
        """Highest less lowest, as a share of the first."""
        return (self.high - self.low) / abs(self.first) if self.first else 0.0


class LearningRateElsewhere(Rule):
    """A number called like a learning rate changed by 2 % or more, the rate in effect by less than a tenth of that.

    The rate in effect of a step is -⟨Δw, g⟩ / ⟨g, g⟩, of each parameter whose gradient is known. Exempt: rates that
    come from momentum, Adam or weight decay, which make the quotient move by themselves; and watches that do not see
    the gradient.
    """

    code: ClassVar[str] = "GC405"

    def __init__(self) -> None:
        self._named: dict[str, _Course] = {}
        self._effective: dict[str, _Course] = {}

    def observe(self, sample: Sample) -> None:
        for name, value in sample.rates.items():
            _note(self._named, name, sample.step, value)
        for parameter in sample.parameters:
            if parameter.lr is not None:
                _note(self._effective, parameter.name, sample.step, parameter.lr)

    def findings(self) -> Iterator[Finding]:
        effective = [course for course in self._effective.values() if course.seen >= _ENOUGH]
        if not effective:
            return
        for name, course in self._named.items():
            if course.seen < _ENOUGH or course.change < _DECAYED:
                continue
            if any(other.change > _STEADY * course.change for other in effective):
                continue
            rate = abs(effective[0].last)
            used = [
                other
                for other, held in self._named.items()
                if other != name and held.change < _EQUAL and abs(held.last - rate) <= 1e-3 * rate
            ]
            inside = f" (it is {used[0]})" if used else ""
            yield Finding(
                code=self.code,
                severity="warning",
                title=f"{name} changes from {course.first:.3g} to {course.last:.3g}, but the weights do not move by it",
                evidence=(
                    f"the rate in effect, -⟨Δw, g⟩ / ⟨g, g⟩, is {rate:.3g} from step {effective[0].since} to "
                    f"{effective[0].until}{inside}",
                ),
                help=(f"use {name} where the weights are updated" + (f", in place of {used[0]}" if used else ""),),
                step=course.since,
            )


def _note(courses: dict[str, _Course], name: str, step: int, value: float) -> None:
    if name in courses:
        courses[name].add(step, value)
    else:
        courses[name] = _Course(value, value, value, value, 1, step, step)
