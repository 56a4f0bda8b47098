"""A rearrangement or a running sum that the backward does not undo: applied once more, reshaped, cut off elsewhere."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["trials"]

_READ = "getitem"  # x[index], which is not computed again by a rule
_EXCHANGED = {"transpose", "swapaxes", "moveaxis", "rollaxis", "permute_dims", "matrix_transpose"}
_MOVED = {_READ, "take", "take_along_axis", "roll", "rot90", "cumsum", "nancumsum", "cumulative_sum", *_EXCHANGED}
# What is handed back for what comes back; None where it has no meaning.
Handed = Callable[[Gate, torch.Tensor], "torch.Tensor | None"]


class _Way(NamedTuple):
    code: str
    title: str
    does: str
    help: str
    handed: Handed


def _again(gate: Gate, gradient: torch.Tensor) -> torch.Tensor | None:
    """The operation itself on what comes back, if it is linear: then its transpose belongs there."""
    (x,) = gate.inputs
    if x.shape != gradient.shape or not x.is_floating_point() or gate.operation.name not in _MOVED:
        return None
    other = torch.cos(torch.arange(x.numel(), dtype=x.dtype)).reshape(x.shape)
    both, one, two = (_applied(gate, x, t) for t in (gradient + other, gradient, other))
    if one.shape != x.shape or not torch.allclose(both, one + two, rtol=1e-9, atol=1e-9):
        return None
    return one


def _applied(gate: Gate, x: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    operation = gate.operation
    if operation.name == _READ:
        index: Any = operation.inputs[1]
        return torch.from_numpy(np.array(value.detach().numpy()[index]))
    assert operation.rule is not None  # looked at before
    inputs = [value if given is x else given for given in operation.inputs]
    made: torch.Tensor = operation.rule(*inputs, **operation.keywords)
    return made.detach()


def _reshaped(gate: Gate, gradient: torch.Tensor) -> torch.Tensor | None:
    (x,) = gate.inputs
    return gradient.reshape(x.shape) if gate.operation.name in _EXCHANGED else None


def _first(gate: Gate, gradient: torch.Tensor) -> torch.Tensor | None:
    (x,) = gate.inputs
    larger = x.ndim == gradient.ndim and all(n <= m for n, m in zip(x.shape, gradient.shape, strict=True))
    return gradient[tuple(slice(0, n) for n in x.shape)] if larger and gate.operation.name == "pad" else None


_WAYS = (
    _Way(
        "GC233",
        "has {} applied once more, where it is to be undone",
        "your backward applies {} to what comes back; its derivative goes the other way",
        "undo {}: a running sum is summed from the other end, a permutation undone by its inverse, np.argsort(index)",
        _again,
    ),
    _Way(
        "GC203",
        "has what comes back to {} reshaped, where its axes are to be put back",
        "your backward reshapes what comes back to {}; the numbers stand in another order then",
        "transpose what comes back to {} with the inverse order of axes, and do not reshape it",
        _reshaped,
    ),
    _Way(
        "GC245",
        "has the padding of {} cut off at the wrong end",
        "your backward keeps the first entries of what comes back to {}",
        "cut off as much at the front as {} put there",
        _first,
    ),
)


def trials(spot: Spot) -> Iterator[Trial]:
    """Of an operation with one input that moves or adds up numbers: what comes back is moved the wrong way."""
    if spot.k is not None or any(g.direct != 1 for g in spot.gates):
        return
    if any(g.operation.rule is None and g.operation.name != _READ for g in spot.gates):
        return
    text = spot.place.text
    for number, way in enumerate(_WAYS):
        wrong = Hypothesis(
            way.code,
            way.title.format(text),
            (way.does.format(text),),
            (way.help.format(text),),
            way.title.format(text),
            cost=0.99 + 0.001 * number,
        )
        yield from spot.once(wrong, functools.partial(_changes, spot.place, way.handed))


def _changes(place: Place, handed: Handed, case: Case) -> dict[int, Change] | None:
    gates = place.gates(case)
    if not gates or any(len(g.inputs) != 1 for g in gates):
        return None
    if all(_is_right(gate, handed) for gate in gates):
        return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        made = handed(gate, gradient)
        assert made is not None  # it had a meaning for another gradient of this shape
        return Flow(to={0: made})

    return all_changed(gates, change)


def _is_right(gate: Gate, handed: Handed) -> bool:
    """Whether it has no meaning here, or is what the derivative does anyway."""
    result = gate.operation.result
    if not result.is_floating_point():
        return True
    varied = torch.sin(torch.arange(result.numel(), dtype=result.dtype)).reshape(result.shape)
    made = handed(gate, varied)
    right = _put_back(gate, varied) if gate.operation.name == _READ else gate.derivative(varied)[0]
    return made is None or right is None or made.shape != right.shape or torch.allclose(made, right)


def _put_back(gate: Gate, gradient: torch.Tensor) -> torch.Tensor:
    """The derivative of reading entries by an index."""
    made, index = torch.zeros_like(gate.inputs[0]).detach().numpy(), cast("Any", gate.operation.inputs[1])
    np.add.at(made, index, gradient.numpy())
    return torch.from_numpy(made)
