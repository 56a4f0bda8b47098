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
_LACKS = {"softmax": "p times what comes back", "log_softmax": "what comes back itself"}


def trials(spot: Spot) -> Iterator[Trial]:
    """Of a softmax, or of its logarithm, that is one operation: the second half alone."""
    names = {g.operation.name for g in spot.gates}
    if spot.k is not None or len(names) != 1 or not names <= set(_LACKS):
        return
    text, lacks = spot.place.text, _LACKS[names.pop()]
    wrong = Hypothesis(
        "GC233",
        f"has the wrong derivative of {text}",
        (f"yours lacks {lacks} and has p, the softmax, times its sum alone: p without the labels subtracted",),
        (f"add {lacks}; with a cross-entropy behind it that subtracts 1 at the label: p[range(n), labels] -= 1",),
        f"half the derivative of {text}",
        cost=0.97,
    )
    yield from spot.times(wrong, functools.partial(_changes, spot.place))


def _changes(place: Place, case: Case, times: float) -> dict[int, Change] | None:
    gates = place.gates(case)
    if any(_axis(g) is None or g.operation.name not in _LACKS or g.direct != 1 for g in gates):
        return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        axis, result = _axis(gate), gate.operation.result.detach()
        assert axis is not None  # looked at above
        if gate.operation.name == "softmax":
            half = -result * (result * gradient).sum(axis, keepdim=True)
        else:
            half = -result.exp() * gradient.sum(axis, keepdim=True)
        return Flow(to={0: times * half})

    return all_changed(gates, change)


def _axis(gate: Gate) -> int | None:
    operation = gate.operation
    given = [operation.keywords.get("dim"), operation.keywords.get("axis"), *operation.inputs[1:2]]
    return next((axis for axis in given if isinstance(axis, int)), None)
