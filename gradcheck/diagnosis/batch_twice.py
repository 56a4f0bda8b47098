"""The batch twice, and in another order: what a gradient must do then is known without any derivative.

Let L(x, w) be the sum of upstream · output. Where the output of the batch written twice is the output twice, and its
upstream gradient is too, L of the two is 2 L(x, w) for all w: the gradient of w must double. As L does not change when
the two halves are exchanged, the slopes by them are alike, and they add up to that of 2 L(x, w) along x: each half's
gradient must be that of the batch alone. Where the output is one number, a loss, that stays the same (a mean), the
gradient of w must stay the same and that of each half be halved; where it doubles (a sum), it is as above. And where
samples in another order give the outputs in that order, or the same number, the gradient of w must stay what it is and
that of x come in that order.

Whether the outputs do so is looked at, at two points: nothing has to be known of the layer, and no digits are lost in
differences, however noisy or coarse the forward is. (Metamorphic testing: T. Y. Chen, S. C. Cheung and S. M. Yiu,
HKUST-CS98-01, 1998.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.other_points import can_be_asked
from gradcheck.difference import nearest_multiple, norm, relative_error
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.patience import at_most
from gradcheck.witnesses.samples import Samples, samples_of
from gradcheck.witnesses.subject import Array

__all__ = ["check_batch_twice"]

_PATIENCE = 2.0
_SAME = 1e-6


@dataclass(frozen=True)
class _Change:
    """Another batch made of the same samples, and by what the gradients of weights and of samples must change."""

    words: str
    index: Sequence[int]
    of_weights: float
    of_samples: float
    ordered: bool
    """Whether each sample stands there once."""


def check_batch_twice(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """What contradicts the batch twice or in another order, where autograd cannot follow the forward."""
    opaque = not evidence.autograd or bool(evidence.reference.leaks)
    samples = samples_of(evidence.subject.variables, evidence.values, evidence.yours.outputs)
    if not opaque or samples is None or samples.count < 2 or not can_be_asked(evidence):
        return []
    found: dict[str, list[tuple[_Change, Array, Array]]] = {}
    for change in _changes(evidence, samples):
        for g, now, wanted in _contradicted(evidence, samples, change, gradients):
            found.setdefault(g.name, []).append((change, now, wanted))
    return [_finding(name, contradictions, layer) for name, contradictions in found.items()]


def _changes(evidence: Evidence, samples: Samples) -> Iterator[_Change]:
    """The changes that the forward's outputs follow, at the inputs and at others."""
    count = samples.count
    twice, turned = [*range(count), *range(count)], [*range(1, count), 0]
    factors = {n: np.asarray(0.9 + 0.2 * evidence.rng.random(v.shape), v.dtype) for n, v in evidence.values.items()}
    other = {n: v * factors[n] for n, v in evidence.values.items()}
    points = [(evidence.values, evidence.yours.outputs)]
    outputs = _outputs(evidence, other)
    if outputs is None:
        return
    points.append((other, outputs))
    for index in (twice, turned):
        ratios = set()
        for values, here in points:
            there = _outputs(evidence, samples.values(values, index))
            ratios.add(None if there is None else _ratio(samples, here, there, index))
        ratio = ratios.pop() if len(ratios) == 1 else None
        if ratio is None or (index is turned and ratio != 1):
            continue
        if index is turned:
            yield _Change("with its samples in another order", index, 1.0, 1.0, True)
        elif samples.follow or ratio == 2:
            yield _Change("written twice", index, 2.0, 1.0, False)
        else:
            yield _Change("written twice", index, 1.0, 0.5, False)


def _ratio(samples: Samples, here: Sequence[Array], there: Sequence[Array], index: Sequence[int]) -> int | None:
    """1 where the outputs follow the samples, or stay; 2 where one number doubles."""
    for ratio in (1,) if samples.follow else (1, 2):
        wanted = [np.take(o, index, axis=0) if samples.follow else ratio * o for o in here]
        if all(_alike(a, b) for a, b in zip(there, wanted, strict=True)):
            return ratio
    return None


def _contradicted(
    evidence: Evidence, samples: Samples, change: _Change, gradients: Sequence[GradientResult]
) -> Iterator[tuple[GradientResult, Array, Array]]:
    """The gradients that do not change as they must, what they are, and what they must be."""
    values = samples.values(evidence.values, change.index)
    try:
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            upstreams = samples.upstreams(evidence.upstreams, change.index)
            there = evidence.subject.yours(values, upstreams).gradients
    except Exception:
        return
    for g in gradients:
        here, now = evidence.yours.gradients.get(g.of), there.get(g.of)
        if here is None or now is None or not np.all(np.isfinite(here)) or not norm(here) > 0:
            continue
        if here.size != evidence.values[g.of].size or now.size != values[g.of].size:
            continue
        here, now = here.reshape(evidence.values[g.of].shape), now.reshape(values[g.of].shape)
        own = g.of in samples.names
        wanted = (change.of_samples if own else change.of_weights) * (np.take(here, change.index, 0) if own else here)
        if not _alike(now, wanted):
            yield g, now, wanted


def _finding(name: str, contradictions: Sequence[tuple[_Change, Array, Array]], layer: str) -> Finding:
    """What is at fault, and what is likely behind it: another order shows more of it than the batch twice."""
    change, now, wanted = contradictions[-1]
    times = nearest_multiple(wanted, now)
    multiple = times if times is not None and relative_error(now, times * wanted) <= _SAME else None
    if change.ordered:
        what = "depends on the order of the samples: likely it takes one of them, or mixes them up"
        help_told = "look at how samples are indexed: a loop that keeps the last one, rows in another order"
    elif multiple is not None and abs(multiple - 0.5) < _SAME:
        what = "is half of what it must be when the batch is written twice: likely a mean taken for a sum"
        help_told = "sum over the samples; where a mean is wanted, the loss divides, and the upstream gradient has it"
    elif multiple is not None and abs(multiple - 2) < _SAME:
        what = "is twice what it must be when the batch is written twice: likely a sum taken for a mean"
        help_told = "divide by the number of samples, as the output is"
    else:
        what = "is not what it must be when the batch is written twice"
        help_told = "look at what is kept of the first batch, and at how samples are added up"
    return Finding(
        "GC145",
        "error",
        f"{name} {what}",
        layer,
        name,
        evidence=(
            f"for the batch {change.words} the outputs are as they were, and {name} is off by "
            f"{relative_error(now, wanted):.2g} of itself",
            "this needs no derivative of the forward",
        ),
        help=(help_told,),
    )


def _outputs(evidence: Evidence, values: dict[str, Array]) -> list[Array] | None:
    try:
        with np.errstate(all="ignore"), at_most(_PATIENCE):
            return evidence.subject.forward(values)
    except Exception:
        return None


def _alike(left: Array, right: Array) -> bool:
    if left.shape != right.shape:
        return False
    eps = max(float(np.finfo(a.dtype).eps) if a.dtype.kind == "f" else 0.0 for a in (left, right))
    return relative_error(left, right) <= max(1e-9, 64 * eps)
