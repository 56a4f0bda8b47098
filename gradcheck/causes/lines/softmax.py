"""One half of the derivative of softmax alone: p without the labels subtracted, where a cross-entropy follows."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

# With g what comes back and p = softmax(x): softmax hands back p g - p Σ(p g), its logarithm g - p Σ g. Of either the
# first half is left out where the labels are not subtracted; what is left then is p times a number.
_LACKS = {
    "softmax": "p times what comes back",
    "log_softmax": "what comes back itself",
    "cross_entropy": "-1 at the label of each row",
}


def trials(spot: Spot) -> Iterator[Trial]:
    """Of a softmax, or of its logarithm, that is one operation: the second half alone."""
    names = {g.operation.name for g in spot.gates}
    if spot.k is not None or len(names) != 1 or not names <= set(_LACKS):
        return
    name = names.pop()
    text, lacks = spot.place.text, _LACKS[name]
    has = "p, the softmax, alone" if name == "cross_entropy" else "p, the softmax, times its sum alone"
    wrong = Hypothesis(
        "GC233",
        f"has the wrong derivative of {text}",
        (f"yours lacks {lacks} and has {has}: p without the labels subtracted",),
        (f"add {lacks}; with a cross-entropy behind it that subtracts 1 at the label: p[range(n), labels] -= 1",),
        f"half the derivative of {text}",
        cost=0.97,
    )
    yield from spot.times(wrong, functools.partial(_changes, spot.place))


def _changes(place: Place, case: Case, times: float) -> dict[int, Change] | None:
    gates = place.gates(case)
    if any(g.operation.name not in _LACKS or g.direct != 1 for g in gates):
        return None
    if any((_labels(g) if g.operation.name == "cross_entropy" else _axis(g)) is None for g in gates):
        return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        if gate.operation.name == "cross_entropy":
            return Flow(to={0: times * _without_labels(gate, gradient)})
        axis, result = _axis(gate), gate.operation.result.detach()
        assert axis is not None  # looked at above
        if gate.operation.name == "softmax":
            half = -result * (result * gradient).sum(axis, keepdim=True)
        else:
            half = -result.exp() * gradient.sum(axis, keepdim=True)
        return Flow(to={0: times * half})

    return all_changed(gates, change)


def _labels(gate: Gate) -> torch.Tensor | None:
    """The classes of the rows that a cross-entropy by the logits is taken for."""
    given = [gate.operation.keywords.get("target"), *gate.operation.inputs[1:2]]
    labels = next((x for x in given if isinstance(x, torch.Tensor)), None)
    logits = gate.inputs[0]
    fits = labels is not None and not labels.is_floating_point() and logits.ndim == 2 and labels.ndim == 1
    return labels if fits else None


def _without_labels(gate: Gate, gradient: torch.Tensor) -> torch.Tensor:
    """Of c (p - 1 at the label) the part c p; c is the weight of a row."""
    labels, own = _labels(gate), gate.derivative(gradient)[0]
    assert labels is not None  # looked at above
    assert own is not None
    p = gate.inputs[0].detach().softmax(1)
    counted = labels.clamp(min=0)[:, None]  # a row to be ignored has a weight of zero
    return p * (own.gather(1, counted) / (p.gather(1, counted) - 1))


def _axis(gate: Gate) -> int | None:
    operation = gate.operation
    given = [operation.keywords.get("dim"), operation.keywords.get("axis"), *operation.inputs[1:2]]
    return next((axis for axis in given if isinstance(axis, int)), None)
