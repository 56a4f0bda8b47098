"""GC302: values so large that the next product or sum of squares overflows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.floats import floats, usable
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample, Stats
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import number, said
from gradcheck.report import Finding

__all__ = ["LatentOverflow"]

_NEAR = 1 / 8  # of float16's largest number: three doublings are left


class LatentOverflow(Rule):
    """max |x| of an output, a gradient or a parameter is above 65504/8 in float16, above √max in the other types.

    √max is 1.8e19 in float32 and bfloat16, 1.3e154 in float64: the square of such a number is infinite, and so is the
    norm of an array that holds it. In float16 the square of 256 is, which healthy networks pass: the bound there is an
    eighth of the largest number, and it counts at three of five samples. Exempt: gradients in float16 (they are scaled
    up on purpose), and numbers put in by hand as masks (the type's own largest number, whole powers of ten).
    """

    code: ClassVar[str] = "GC302"

    def __init__(self) -> None:
        self._far: Symptoms[tuple[str, float, Stats]] = Symptoms(enough=1)
        self._half: Symptoms[tuple[str, float, Stats]] = Symptoms()

    def observe(self, sample: Sample) -> None:
        for layer in sample.layers:
            self._see(sample.step, layer.name, "output", layer.activation)
            self._see(sample.step, layer.name, "gradient", layer.gradient)
        for parameter in sample.parameters:
            self._see(sample.step, parameter.name, "weights", parameter.weight)
            self._see(sample.step, parameter.name, "gradient", parameter.gradient)

    def _see(self, step: int, name: str, what: str, stats: Stats | None) -> None:
        if stats is None or stats.low is None or stats.high is None or not usable(stats):
            return
        half = stats.dtype.endswith("float16") and not stats.dtype.endswith("bfloat16")
        if half and what == "gradient":
            return
        numbers = floats(stats.dtype)
        largest = max((abs(x) for x in (stats.low, stats.high) if not _put_in(x, numbers.largest)), default=0.0)
        limit = numbers.largest * _NEAR if half else math.sqrt(numbers.largest)
        symptoms = self._half if half else self._far
        symptoms.observe(f"{name} {what}", step, (name, largest, stats) if largest > limit else None)

    def findings(self) -> Iterator[Finding]:
        found = [*self._far, *self._half]
        if not found:
            return
        key, seen = min(found, key=lambda item: item[1].since)
        name, largest, stats = seen.what
        dtype = stats.dtype.rpartition(".")[2]
        what = key.removeprefix(f"{name} ")
        others = f", and in {len(found) - 1} more arrays since" if len(found) > 1 else ""
        square = "its square is infinite" if largest > math.sqrt(floats(dtype).largest) else ""
        yield Finding(
            code=self.code,
            severity=seen.severity("warning"),
            title=f"{said(name)}: the {what} reaches {number(largest)}, close to overflow in {dtype}",
            layer=name,
            evidence=(
                f"{dtype} ends at {number(floats(dtype).largest)}; {square}{others}".rstrip("; "),
                f"first at step {seen.since}",
                *seen.remark,
            ),
            help=("find where the values begin to grow; a lower learning rate or a normalisation keeps them small",),
            step=seen.since,
        )


def _put_in(value: float, largest: float) -> bool:
    """Whether a number looks like a mask: the type's largest (or half of it), or a whole power of ten from 1e4 on."""
    size = abs(value)
    if size < 1e3:
        return False
    power = 10.0 ** round(math.log10(size))
    return any(math.isclose(size, put, rel_tol=1e-3) for put in (largest, largest / 2, power))
