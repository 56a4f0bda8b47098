"""GC321: an activation works where it is flat, and lets next to no gradient through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, Sample
from gradcheck.health.saturated_gates import SaturatedGates
from gradcheck.health.symptoms import Symptoms
from gradcheck.health.words import layer_name, listed, number, percent
from gradcheck.report import Finding

__all__ = ["Saturation"]

_FLAT = 0.9
_SLOPE = 0.1
_NOTHING = 1e-3
_KINDS = frozenset({"logistic", "tanh", "softmax", "clip"})
_SHOWN = 3
_TOLD_BY_CLIPS = 0.5  # of the entries: from there on GC322 is about it, with its line and its bounds


class Saturation(Rule):
    """rms(f') ≤ 0.1 max f', or |f'| < max f' / 100 at 90 % of the entries, for logistic, tanh, softmax and clips.

    Judged by the gradient that it stops, not by large values. An error from rms(f') ≤ 1e-3 max f' on. Exempt: gates
    and attention, and the logistic or softmax before the loss (they saturate by design) unless the loss is a squared
    error, which their flat part stops (Glorot and Bengio, 2010, section 4.1), and it is not coming down.
    Calibrated: see tests/benchmarks. Of the gates inside PyTorch's own recurrent layers see
    :mod:`gradcheck.health.saturated_gates`.
    """

    code: ClassVar[str] = "GC321"

    def __init__(self) -> None:
        self._found: Symptoms[LayerSample] = Symptoms()
        self._first_loss: float | None = None
        self._gates = SaturatedGates(self.code)

    def observe(self, sample: Sample) -> None:
        if self._first_loss is None:
            self._first_loss = sample.loss
        squared = sample.output is not None and sample.output.loss_kind == "squared error"
        falls = sample.loss is not None and self._first_loss is not None and sample.loss < 0.7 * self._first_loss
        clips = any(c.entries and c.at_low + c.at_high >= _TOLD_BY_CLIPS * c.entries for c in sample.value_clips)
        for layer in sample.layers:
            if layer.kind not in _KINDS or layer.gate or layer.slope is None or (layer.kind == "clip" and clips):
                continue
            stopped = layer.slope <= _SLOPE or (layer.flat is not None and layer.flat >= _FLAT)
            if layer.before_loss:
                stopped = squared and not falls and layer.slope <= _SLOPE
            self._found.observe(layer.name, sample.step, layer if stopped else None)
        self._gates.observe(sample)

    def findings(self) -> Iterator[Finding]:
        found = list(self._found)
        for count, (_, seen) in enumerate(found[:_SHOWN]):
            layer = seen.what
            slope = layer.slope or 0.0
            flat = f" and is flat at {percent(layer.flat)} of its entries" if layer.flat is not None else ""
            passes = "no gradient at all" if slope == 0 else f"{percent(slope)} of the gradient"
            more = [s.what.name for _, s in found[_SHOWN:]] if count == _SHOWN - 1 else []
            yield Finding(
                code=self.code,
                severity=seen.severity("error" if slope <= _NOTHING else "warning"),
                title=f"{layer_name(layer)} is saturated: it passes {passes}{flat}",
                layer=layer.name,
                where=layer.where,
                evidence=(
                    f"root mean square of its derivative: {number(slope)} of the largest that it can be, "
                    f"since step {seen.since}",
                    *([f"likewise layers {listed(more)}"] if more else []),
                    *seen.remark,
                ),
                help=_help(layer),
                step=seen.since,
            )
        yield from self._gates.findings()


def _help(layer: LayerSample) -> tuple[str, ...]:
    if layer.kind == "clip":
        return ("widen the bounds, or scale the layer before down: what is outside the bounds gets no gradient",)
    if layer.before_loss:
        return ("use cross-entropy from the logits in place of the squared error: its gradient does not pass here",)
    return (
        "make what goes in smaller: weights of std sqrt(2/(fan_in+fan_out)) and mean 0 (Glorot), inputs of mean 0 and "
        "std 1, a lower learning rate",
        "or use ReLU in the hidden layers",
    )
