"""GC303: values so small that they lose their digits or become 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.floats import floats, usable
from gradcheck.health.losses import Progress
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Sample, Stats
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import number, percent, said
from gradcheck.report import Finding, Severity

__all__ = ["Underflow"]

_SHARE = 0.1
_PROBABILITY = 1e-38  # where float32 would be 0 or about to be; a confident, healthy network says 1e-20


class Underflow(Rule):
    """A tenth of the entries that are not 0 are subnormal; or a softmax or logistic output is below 1e-38.

    Below the smallest normal number (6e-5 in float16, 1.2e-38 in float32, 2.2e-308 in float64) digits are lost, and
    what follows is 0. Exempt: exact zeros (a ReLU's), a loss that has come down to a tenth of its first value.
    Threshold calibrated: see tests/benchmarks.
    """

    code: ClassVar[str] = "GC303"

    def __init__(self) -> None:
        self._found: Symptoms[tuple[str, str, Stats]] = Symptoms()
        self._progress = Progress()

    def observe(self, sample: Sample) -> None:
        self._progress.observe(sample)
        for layer in sample.layers:
            squashed = layer.kind in ("softmax", "logistic")
            self._see(sample.step, layer.name, "output", layer.activation, squashed)
            self._see(sample.step, layer.name, "gradient", layer.gradient)
        for parameter in sample.parameters:
            self._see(sample.step, parameter.name, "gradient", parameter.gradient)

    def _see(self, step: int, name: str, what: str, stats: Stats | None, squashed: bool = False) -> None:
        if stats is None or (stats.subnormal is None and stats.smallest is None and self._found.quiet):
            return  # its magnitudes are nowhere near the end
        if not usable(stats):
            return
        nonzero = stats.count - (stats.zeros or 0)
        lost = nonzero > 0 and (stats.subnormal or 0) >= _SHARE * nonzero
        small = squashed and stats.smallest is not None and stats.smallest < _PROBABILITY
        holds = (lost or small) and not self._progress.converged
        self._found.observe(f"{name} {what}", step, (name, what, stats) if holds else None)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        if not found:
            return
        _, seen = min(found, key=lambda item: item[1].since)
        name, what, stats = seen.what
        dtype = stats.dtype.rpartition(".")[2]
        share = (stats.subnormal or 0) / max(stats.count - (stats.zeros or 0), 1)
        least = f", the smallest is {number(stats.smallest)}" if stats.smallest is not None else ""
        severity: Severity = "warning"
        if share >= _SHARE:
            title = f"{said(name)}: {percent(share)} of the {what}'s entries underflow in {dtype}{least}"
            half = dtype == "float16"
            help_ = "scale the loss up (torch.amp.GradScaler)" if half else "find where they begin to shrink"
        else:
            title = f"{said(name)}: the {what} goes down to {number(stats.smallest or 0.0)}: its inputs are huge"
            help_ = "lower the learning rate or the scale of the weights: such outputs come from inputs beyond ±87"
        others = f"{len(found) - 1} more arrays do" if len(found) > 1 else ""
        yield Finding(
            code=self.code,
            severity=seen.severity(severity),
            title=title,
            layer=name,
            evidence=(
                f"the smallest normal number of {dtype} is {number(floats(dtype).tiny)}",
                *filter(None, [others]),
                *seen.remark,
            ),
            help=(help_,),
            step=seen.since,
        )
