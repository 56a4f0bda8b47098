"""What the rules of vanishing and of exploding activations share: a trend over layers, a change over time."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.depth import Trend, sizes, trend
from gradcheck.health.losses import Progress
from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, number, times
from gradcheck.report import Finding, Severity

__all__ = ["BEYOND", "ChangingActivations"]

BEYOND = 1e3
"""Over all layers, or since the first sample."""

_AT_THE_END = 30.0

_WITH_WEIGHTS = ("linear", "conv", "rnn", "block")  # a ReLU that is called in several places is in several places

_FEW = 3  # from four layers on the last is left out: its bias learns how frequent each class is at once


class ChangingActivations(Rule):
    """A trend over the layers, over the calls of one layer, or since the first sample, in one of two directions."""

    verb: ClassVar[str]
    severity: ClassVar[Severity]
    advice: ClassVar[tuple[str, ...]]

    def __init__(self) -> None:
        self._depth: Symptoms[tuple[LayerSample, Trend]] = Symptoms()
        self._time: Symptoms[tuple[LayerSample, float, float]] = Symptoms()
        # Within one step it is the weights' doing and no accident of the batch; and the next step may be NaN.
        self._calls: Symptoms[tuple[LayerSample, float]] = Symptoms(enough=1, window=1)
        self._first: dict[str, float] = {}
        self._largest = 0.0
        self._progress = Progress()

    @abstractmethod
    def bad(self, factor: float) -> bool:
        """Whether a total factor is one of this rule's symptoms."""

    def observe(self, sample: Sample) -> None:
        self._progress.observe(sample)
        layers = sizes(sample.layers, lambda layer: layer.activation)
        hidden = layers[:-1] if len(layers) > _FEW else layers
        fit = trend([size for _, size in hidden])
        if not self._first and layers:
            self._first = {layer.name: size for layer, size in layers}
            self._largest = max(self._first.values())
        # The end that is out of order must be the last one: where the first layer vanishes, later ones do not explode.
        last = fit.values[-1] / self._first.get(layers[0][0].name, math.inf) if fit else 1.0
        found = fit is not None and self.bad(fit.total) and self.bad(last * _AT_THE_END ** (1 if last > 1 else -1))
        self._depth.observe("", sample.step, (hidden[fit.start][0], fit) if fit and found else None)
        for layer in sample.layers:
            several = max(layer.calls, layer.times) > 1
            if layer.growth is not None and several and layer.kind in _WITH_WEIGHTS:
                self._calls.observe(layer.name, sample.step, (layer, layer.growth) if self.bad(layer.growth) else None)
        for layer, size in layers:
            before = self.reference(layer.name)
            # what is learned may be 0: the output goes to its target
            known = before > 0 and not (self._progress.converged and size < before)
            self._time.observe(
                layer.name, sample.step, (layer, before, size) if known and self.bad(size / before) else None
            )

    def reference(self, name: str) -> float:
        """The first size of a layer; a layer that began near 0 is held against the others."""
        return max(self._first.get(name, 0.0), self._largest)

    def findings(self) -> Iterator[Finding]:
        for _, seen in self._depth:
            layer, fit = seen.what
            first, last = fit.values[0], fit.values[-1]
            yield Finding(
                code=self.code,
                severity=seen.severity(self.severity),
                title=f"activations {self.verb} from layer to layer, by {times(fit.factor)} each, "
                f"starting with {layer_name(layer)}",
                layer=layer.name,
                where=layer.where,
                evidence=(
                    f"root mean square of the outputs: {number(first)} in the first of {len(fit.values)} layers with "
                    f"weights, {number(last)} in the last",
                    *seen.remark,
                ),
                help=self.advice,
                step=seen.since,
            )
            return
        for _, repeated in self._calls:
            layer, growth = repeated.what
            over = max(layer.calls, layer.times)
            each = growth ** (1 / (over - 1))
            called, every, ends = f"is called {over} times a step", "each time", "call"
            if layer.times > layer.calls:
                called, every, ends = f"goes over {over} time steps", "at each", "time step"
            yield Finding(
                code=self.code,
                severity=repeated.severity(self.severity),
                title=f"activations {self.verb} from {ends} to {ends}: {layer_name(layer)} {called}, and its output "
                f"changes by {times(each)} {every}",
                layer=layer.name,
                where=layer.where,
                evidence=(f"by {times(growth)} from the first {ends} to the last", *repeated.remark),
                help=("draw the weights that are used again and again orthogonal, of norm 1 at most", *self.advice),
                step=repeated.since,
            )
            return
        for _, moved in self._time:
            layer, before, size = moved.what
            yield Finding(
                code=self.code,
                severity=moved.severity(self.severity),
                title=f"activations of {layer_name(layer)} {self.verb}: {number(size)} at step {moved.last}, "
                f"{number(before)} at first",
                layer=layer.name,
                where=layer.where,
                evidence=(f"beyond a thousandfold since step {moved.since}", *moved.remark),
                help=self.advice,
                step=moved.since,
            )
            return
