"""The gradient of another loss than the one that was computed: cross-entropy's for a squared error, and others."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch

from gradcheck.causes.candidate import Array
from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, as_it_is, nothing
from gradcheck.causes.source import target_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial
from gradcheck.witnesses.numpy_subject import NumpySubject
from gradcheck.witnesses.torch_function import FunctionSubject

__all__ = ["trials"]

Delta = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

# The gradients of common losses, up to a constant: by the logits t, or by the probabilities or predictions p = t.
_LOSSES: dict[str, Delta] = {
    "softmax and cross-entropy by the logits": lambda t, y: torch.softmax(t, -1) - y,
    "the logistic function and binary cross-entropy by the logits": lambda t, y: torch.sigmoid(t) - y,
    "a squared error": lambda t, y: t - y,
    "an absolute error": lambda t, y: torch.sign(t - y),
    "cross-entropy by the probabilities": lambda t, y: -y / t,
    "binary cross-entropy by the probabilities": lambda t, y: (t - y) / (t * (1 - t)),
    "a squared error behind a logistic function, by its input": lambda t, y: (
        (torch.sigmoid(t) - y) * torch.sigmoid(t) * (1 - torch.sigmoid(t))
    ),
}

_ROWS = {"early": -1, "late": 1}
# What may happen to the targets of the right loss: code, title, what yours does, help.
_MISTAKES = {
    "early": (
        "GC242",
        "is the gradient for {} shifted by one",
        "your backward takes each row of {} one row early",
        "use the same row as the forward does",
    ),
    "late": (
        "GC242",
        "is the gradient for {} shifted by one",
        "your backward takes each row of {} one row late",
        "use the same row as the forward does",
    ),
    "left out": (
        "GC236",
        "lacks the share of {}",
        "your backward starts from the prediction and does not subtract {}",
        "subtract the targets from the prediction",
    ),
    "every row": (
        "GC242",
        "has {} subtracted in every row",
        "your backward subtracts 1 in the columns of all labels, in every row: p[:, y] -= 1",
        "subtract it in the row of each label alone: p[np.arange(N), y] -= 1",
    ),
    "averaged": (
        "GC242",
        "has {} subtracted, divided by the number of rows",
        "your backward divides {} by the number of rows, and the prediction not, or once less",
        "divide the difference of prediction and targets by the number of rows, once",
    ),
}


def trials(spot: Spot) -> Iterator[Trial]:
    """What comes back to an array of the targets' shape is another loss's gradient."""
    if spot.k is not None or sum(np.size(u) for u in spot.stage.case.upstreams) != 1:
        return  # a loss is one number
    gate = spot.gates[-1]  # of a loop over layers: the layer next to the loss
    case, text = spot.stage.case, spot.place.text
    targets = _targets(case, gate)
    if not targets:
        return
    is_named = bool(target_of(spot.place.site))
    coming, result = _coming_back(spot, gate), gate.operation.result.detach()
    without = spot.stage.gradients({gate.index: nothing})
    for target, made in targets.items():
        for number, (loss, delta) in enumerate(_LOSSES.items()):
            if not _is_multiple(coming, delta(result, made)):
                another = Hypothesis(
                    "GC251",
                    f"belongs to another loss: {loss}",
                    (f"what your backward starts from is the gradient of {loss}, by {text}, with {target}",),
                    (f"compute that loss in the forward, or the gradient of the loss that is computed, by {text}",),
                    f"the gradient of {loss}",
                    cost=0.9 + 0.01 * number + (0 if is_named else 0.002) - 1e-6 * gate.index,
                )
                yield from _tried(spot, another, (loss, target, ""), without)
                continue
            for mistake, (code, title, does, help_) in _MISTAKES.items():
                mistaken = Hypothesis(
                    code, title.format(target), (does.format(target),), (help_,), title.format(target), cost=0.96
                )
                yield from _tried(spot, mistaken, (loss, target, mistake), without)


def _tried(
    spot: Spot, hypothesis: Hypothesis, which: tuple[str, str, str], without: Mapping[str, Array]
) -> Iterator[Trial]:
    home = spot.stage.case
    for trial in spot.times(hypothesis, functools.partial(_rescaled, spot.place, which, home), without):
        if spot.is_multiple_of_right(without, trial.gradients):
            continue  # the same loss after all (the absolute value of what is positive), so many times
        # a sum or a mean over the samples is a convention of its own: not what makes it another loss
        is_convention = trial.candidate.cost < hypothesis.cost + 1
        shown = replace(trial.candidate, title=hypothesis.title, cost=hypothesis.cost)
        yield Trial(shown, trial.gradients) if is_convention else trial


def _taken(made: torch.Tensor, mistake: str) -> torch.Tensor:
    """The targets as yours takes them."""
    if mistake in _ROWS:
        return made.roll(_ROWS[mistake], 0)
    if mistake == "every row":
        return made.amax(0, keepdim=True).expand_as(made)
    if mistake == "averaged":
        return made / len(made)
    return torch.zeros_like(made) if mistake else made


def _targets(case: Case, gate: Gate) -> dict[str, torch.Tensor]:
    """The arrays that may be targets of a result, by name: of its shape, or labels as one-hot rows."""
    result = gate.operation.result
    if not isinstance(case.own, NumpySubject | FunctionSubject) or result.ndim == 0:
        return {}
    found: dict[str, torch.Tensor] = {}
    named: dict[str, Array] = {v.name: v.array for v in case.own.variables}
    if isinstance(case.own, NumpySubject):
        named |= {f"targets of shape {a.shape}": a for a in case.own.state.arrays if a.dtype.kind in "fiub"}
    for name, array in named.items():
        values = case.values.get(name, array)
        if values.shape == result.shape and values.size > 1:
            found[name] = torch.as_tensor(np.array(values, dtype=np.float64))
        elif values.dtype.kind in "iu" and result.ndim == 2 and values.size == len(result):
            labels = values.reshape(-1)
            if labels.min() >= 0 and labels.max() < result.shape[1]:
                found[f"{name} as one-hot rows"] = torch.as_tensor(np.eye(result.shape[1])[labels])
    return found


def _coming_back(spot: Spot, gate: Gate) -> torch.Tensor:
    """What truly comes back to the result of ``gate``."""
    spot.stage.gradients({gate.index: as_it_is}, spot.affected[-1:])
    return torch.zeros_like(gate.operation.result) if gate.received is None else gate.received


def _is_multiple(left: torch.Tensor, right: torch.Tensor) -> bool:
    across = float((left * right).sum())
    return bool(abs(across) >= (1 - 1e-9) * float(left.norm() * right.norm()))


def _rescaled(
    place: Place, which: tuple[str, str, str], home: Case, case: Case, times: float
) -> dict[int, Change] | None:
    """With another batch size what the gradient is a multiple of may be another multiple: fitted anew there."""
    if case is home or case.recording is None:
        return _changes(place, which, case, times)
    once, never = (_changes(place, which, case, t) for t in (1.0, 0.0))
    if once is None or never is None:
        return None
    last = list(case.yours)[-1:]
    (name,) = last
    within, without = (case.recording.gradients(made, last)[name] for made in (once, never))
    step = within - without
    below = float(np.vdot(step, step))
    return _changes(place, which, case, float(np.vdot(step, case.yours[name] - without)) / below) if below else None


def _changes(place: Place, which: tuple[str, str, str], case: Case, times: float) -> dict[int, Change] | None:
    loss, target, mistake = which
    gates = place.gates(case)
    made = _targets(case, gates[-1]).get(target) if gates else None
    if made is None:
        return None
    times = times * float(sum(np.sum(u) for u in case.upstreams))  # the one upstream gradient of a loss
    taken = _taken(made, mistake)

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:  # noqa: ARG001  # a change takes both
        return Flow(through=times * _LOSSES[loss](gate.operation.result.detach(), taken))

    return {gates[-1].index: change}
