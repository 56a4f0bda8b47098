"""Class labels of which some never occur: what the backward does with those is not seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hidden import hidden
from gradcheck.diagnosis.other_points import can_be_asked, drawn_for, wrong_there
from gradcheck.report import Finding, GradientResult
from gradcheck.witnesses.subject import Array

__all__ = ["check_missing_labels"]

_MOST = 50


def check_missing_labels(evidence: Evidence, gradients: Sequence[GradientResult], layer: str) -> list[Finding]:
    """A warning for gradients that are right for the labels that occur, and wrong where every one of them does.

    Labels are whole numbers from 0 up that index an axis of an array. One class alone hides the most: a backward that
    subtracts 1 in a fixed column is right. Where no backward can be called for others, that is told.
    """
    for v in evidence.subject.variables:
        labels = v.array
        if v.differentiated or v.slots or labels.dtype.kind not in "iu" or labels.size < 2 or labels.min() < 0:
            continue
        classes = _classes(evidence, labels)
        occurring = np.unique(labels)
        if not classes or occurring.size == classes:
            continue
        if not can_be_asked(evidence):
            if occurring.size == 1 and _is_a_loss(evidence):
                return [_untried(v.name, int(occurring[0]), classes, layer)]
            continue
        if not evidence.small():
            continue
        missing = np.setdiff1d(np.arange(classes), occurring)
        others = evidence.rng.permutation(np.resize(missing, labels.size)).reshape(labels.shape).astype(labels.dtype)
        values = {**{n: a.astype(np.float64) for n, a in evidence.values.items()}, v.name: others}
        off = wrong_there(evidence, values, drawn_for(evidence, evidence.upstreams)) or {}
        wrong = [g for g in gradients if g.of in off]
        if wrong:
            told = [
                f"{v.name} holds {_listed(occurring)}, of 0 to {classes - 1}",
                *(f"for {_listed(missing)} {g.name}: {off[g.of]}" for g in wrong),
            ]
            how = f"right here, and wrong for values of {v.name} that do not occur in it"
            return [hidden(wrong, how, told, f"check with {v.name} in which every value occurs", layer)]
    return []


def _classes(evidence: Evidence, labels: Array) -> int:
    """How many there are: the last axis of what has one row for each label; 0 where nothing tells."""
    arrays = [*evidence.values.values(), *evidence.yours.outputs]
    sizes = {a.shape[-1] for a in arrays if a.ndim == labels.ndim + 1 and a.shape[:-1] == labels.shape}
    return min((size for size in sizes if labels.max() < size <= _MOST), default=0)


def _is_a_loss(evidence: Evidence) -> bool:
    return len(evidence.yours.outputs) == 1 and evidence.yours.outputs[0].size == 1


def _listed(labels: Array) -> str:
    few = [str(int(label)) for label in labels[:4]]
    return ", ".join(few) + (", …" if labels.size > len(few) else "")


def _untried(name: str, label: int, classes: int, layer: str) -> Finding:
    return Finding(
        "GC143",
        "info",
        f"{name} holds the class {label} alone, of {classes}: mistakes in the others would not show",
        layer,
        help=(f"give the gradients for {name} in which every class occurs",),
    )
