"""Samples as a watcher would make them, from a few numbers; and the findings of one rule about them."""

import math
from collections.abc import Iterable

import numpy as np

from gradcheck.health.rule import Rule
from gradcheck.health.sample import LayerSample, OutputSample, ParameterSample, Sample, Stats
from gradcheck.report import Finding, Where

PLACE = Where("net.py", 7, "forward", "p = np.exp(z)")


def stats(rms: float, count: int = 100, dtype: str = "float32", **more) -> Stats:
    return Stats(count=count, norm=rms * math.sqrt(count), dtype=dtype, **more)


def layer(name: str, kind: str = "linear", output: float | None = 1.0, gradient: float | None = None, **more):
    more.setdefault("shape", (64, 32))
    return LayerSample(
        name,
        kind,
        activation=None if output is None else stats(output),
        gradient=None if gradient is None else stats(gradient),
        **more,
    )


def parameter(
    name: str, weight: float = 0.1, gradient: float | None = 0.01, update: float | None = 1e-4, role="weight", **more
):
    more.setdefault("layer", name.rpartition(".")[0])
    more.setdefault("shape", (64, 64) if role == "weight" else (64,))
    return ParameterSample(
        name,
        role=role,
        weight=stats(weight),
        gradient=None if gradient is None else stats(gradient),
        update=None if update is None else stats(update),
        **more,
    )


def output(predicted=None, labels=None, classes: int = 10, loss_kind: str = "cross-entropy") -> OutputSample:
    return OutputSample(
        loss_kind,
        classes=classes,
        predicted=None if predicted is None else np.asarray(predicted),
        labels=None if labels is None else np.asarray(labels),
    )


def sample(step: int = 0, **parts) -> Sample:
    parts.setdefault("samples", 64)
    parts.setdefault("first", step == 0)
    return Sample(step, **parts)


def found(rule: Rule, samples: Iterable[Sample] = (), losses: Iterable[float] = ()) -> list[Finding]:
    for step, loss in enumerate(losses):
        rule.step(step, loss)
    for one in samples:
        rule.observe(one)
    return list(rule.findings())


def lasting(rule: Rule, steps: int = 6, **parts) -> list[Finding]:
    """The findings of a rule that sees the same sample again and again."""
    return found(rule, (sample(step, **parts) for step in range(steps)))
