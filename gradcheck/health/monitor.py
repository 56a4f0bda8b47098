"""One watched training: samples go in, rules judge them, a report comes out."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace

from gradcheck.health.catalogue import rules
from gradcheck.health.history import Course
from gradcheck.health.order import ordered
from gradcheck.health.rule import Rule
from gradcheck.health.sample import Birth, LayerSample, ParameterSample, Sample
from gradcheck.report import Finding
from gradcheck.watched import Histogram, LayerHistory, ParameterHistory, Watched

__all__ = ["Monitor"]

_MOST_LOSSES = 64
_MOST_SHOWN = 8  # layers and parameters whose histograms are taken


class Monitor:
    """Collects what watchers measure. ``told`` is called with every sample once the rules have seen it.

    Its memory does not grow with the number of steps. Where nobody is told, the rules may see several samples
    ``together``: after a training step their code is in no cache, and the first of them costs as much as four more.

    Attributes:
        blind: Whether measuring has raised an error. No step is sampled any more then.
        wanted: Names of the layers and parameters whose histograms the next sample should hold: those that a finding
            names, once each.
    """

    def __init__(self, told: Callable[[Sample], object] | None = None, together: int = 1) -> None:
        self._rules = rules()
        self._of_steps = [rule for rule in self._rules if type(rule).step is not Rule.step]
        self._of_samples = [rule for rule in self._rules if type(rule).observe is not Rule.observe]
        self._told = told
        self._together = together if told is None else 1
        self._waiting: list[tuple[list[tuple[int, float]], Sample]] = []  # with the losses before each
        self._layers: dict[str, _Layer] = {}
        self._parameters: dict[str, _Parameter] = {}
        self._loss = Course()
        self._losses: list[tuple[int, float]] = []  # those that the rules have not been told of
        self._unseen: dict[str, None] = {}
        self.steps = 0
        self.sampled = 0
        self.blind = False
        self.wanted: frozenset[str] = frozenset()

    def step(self, step: int, loss: float | None) -> None:
        """One training step was made. Called for every step, so it does next to nothing."""
        self.steps = step + 1
        if loss is not None:
            self._losses.append((step, loss))
            if len(self._losses) >= _MOST_LOSSES:
                self._catch_up()

    def _catch_up(self) -> None:
        waiting, self._waiting = self._waiting, []
        last, self._losses = self._losses, []
        try:
            for losses, sample in waiting:
                self._hear(losses)
                self._judge(sample)
            self._hear(last)
            if waiting:
                self._choose()
        except Exception as error:  # a rule's own mistake
            self.failed(error)

    def _hear(self, losses: list[tuple[int, float]]) -> None:
        for step, loss in losses:
            self._loss.add(step, loss)
        for rule in self._of_steps:
            for step, loss in losses:
                rule.step(step, loss)

    def observe(self, sample: Sample) -> None:
        """One step was sampled."""
        self._waiting.append((self._losses, sample))
        self._losses = []
        self.sampled += 1
        self.steps = max(self.steps, sample.step + 1)
        if len(self._waiting) >= self._together:
            self._catch_up()
        if self._told is not None:
            self._told(sample)

    def _judge(self, sample: Sample) -> None:
        # Where a weight is NaN all else follows from its birth, which has been told: no rule has anything to add.
        if all(math.isfinite(parameter.weight.norm) for parameter in sample.parameters):
            for rule in self._of_samples:
                rule.observe(sample)
        for layer in sample.layers:
            if layer.name not in self._layers:
                self._layers[layer.name] = _Layer()
            self._layers[layer.name].add(sample.step, layer)
        for parameter in sample.parameters:
            if parameter.name not in self._parameters:
                self._parameters[parameter.name] = _Parameter()
            self._parameters[parameter.name].add(sample.step, parameter)

    def _choose(self) -> None:
        rows: dict[str, _Layer | _Parameter] = {**self._parameters, **self._layers}
        shown = {name for of in (self._layers, self._parameters) for name, row in of.items() if row.histograms}
        self.wanted = frozenset()
        if len(shown) < _MOST_SHOWN:
            found = [finding for rule in self._rules for finding in rule.findings() if finding.severity != "info"]
            found.sort(key=lambda finding: finding.severity == "warning")  # errors come first
            named = dict.fromkeys(name for finding in found for name in (finding.layer, finding.gradient))
            wanted = [name for name in named if name in rows and name not in shown]
            self.wanted = frozenset(wanted[: _MOST_SHOWN - len(shown)])

    def birth(self, birth: Birth) -> None:
        """The birth of a NaN or an infinity was found."""
        self._catch_up()
        for rule in self._rules:
            rule.birth(birth)

    def failed(self, error: Exception) -> None:
        """Measuring raised this error, which is no reason to end a training: warn of it, once, and measure no more."""
        if self.blind:
            return
        self.blind = True
        text = f"{type(error).__name__}: {error}"
        self.unseen(f"after {self.steps} steps an error of gradcheck's own ended the measuring ({text})")
        message = f"gradcheck measures no more, the training goes on: {text}"
        warnings.warn(message, RuntimeWarning, stacklevel=2)

    def unseen(self, sentence: str) -> None:
        """Say once what could not be seen."""
        self._unseen.setdefault(sentence)

    @property
    def not_seen(self) -> tuple[str, ...]:
        """What could not be seen, in sentences."""
        return tuple(self._unseen)

    def findings(self) -> tuple[Finding, ...]:
        """What the rules found until now, in the order in which it is to be read."""
        self._catch_up()
        return ordered((finding for rule in self._rules for finding in rule.findings()), tuple(self._layers))

    def watched(self, findings: Iterable[Finding]) -> Watched:
        """What was seen, for the report with these findings."""
        self._catch_up()
        codes: dict[str, dict[str, None]] = {}
        for finding in findings:
            for name in (finding.layer, finding.gradient):
                codes.setdefault(name, {}).setdefault(finding.code)
        return Watched(
            steps=self.steps,
            sampled=self.sampled,
            loss=self._loss.series(),
            layers=tuple(layer.history(tuple(codes.get(name, ()))) for name, layer in self._layers.items()),
            parameters=tuple(p.history(tuple(codes.get(name, ()))) for name, p in self._parameters.items()),
            unseen=self.not_seen,
        )


class _Layer:
    def __init__(self) -> None:
        self._activation, self._gradient = Course(), Course()
        self._last: LayerSample | None = None
        self.histograms: tuple[Histogram, ...] = ()

    def add(self, step: int, layer: LayerSample) -> None:
        self._activation.add(step, layer.activation.rms if layer.activation else None)
        self._gradient.add(step, layer.gradient.rms if layer.gradient else None)
        self._last = layer
        self.histograms = self.histograms or tuple(replace(shown, step=step) for shown in layer.histograms)

    def history(self, codes: tuple[str, ...]) -> LayerHistory:
        last = self._last
        assert last is not None
        stats = last.activation
        return LayerHistory(
            name=last.name,
            kind=last.kind,
            shape=last.shape,
            activation=self._activation.series(),
            gradient=self._gradient.series(),
            zeros=stats.zeros / stats.count if stats and stats.zeros is not None and stats.count else None,
            stopped=last.flat,
            where=last.where,
            codes=codes,
            histograms=self.histograms if codes else (),
        )


class _Parameter:
    def __init__(self) -> None:
        self._weight, self._gradient, self._ratio = Course(), Course(), Course()
        self._last: ParameterSample | None = None
        self.histograms: tuple[Histogram, ...] = ()

    def add(self, step: int, parameter: ParameterSample) -> None:
        self._weight.add(step, parameter.weight.rms)
        self._gradient.add(step, parameter.gradient.rms if parameter.gradient else None)
        known = parameter.update is not None and parameter.weight.norm > 0
        self._ratio.add(step, parameter.update.norm / parameter.weight.norm if known and parameter.update else None)
        self._last = parameter
        self.histograms = self.histograms or tuple(replace(shown, step=step) for shown in parameter.histograms)

    def history(self, codes: tuple[str, ...]) -> ParameterHistory:
        last = self._last
        assert last is not None
        return ParameterHistory(
            name=last.name,
            layer=last.layer,
            shape=last.shape,
            weight=self._weight.series(),
            gradient=self._gradient.series(),
            update_ratio=self._ratio.series(),
            codes=codes,
            histograms=self.histograms if codes else (),
        )
