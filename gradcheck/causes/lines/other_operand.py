"""What is multiplied with, seen otherwise by the backward: flipped, transposed, through a function, another array."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

import torch

from gradcheck.causes.case import Case
from gradcheck.causes.gate import Change, Flow, Gate, vector_jacobian
from gradcheck.causes.places import Place, all_changed
from gradcheck.causes.source import factors_of
from gradcheck.causes.spot import Hypothesis, Spot, Trial

__all__ = ["arguments_of", "other_factor", "to_one_factor", "trials"]

_PRODUCTS = {"multiply", "matmul", "dot", "einsum", "tensordot", "inner", "outer", "divide", "vdot", "convolve"}

Seen = Callable[[torch.Tensor], torch.Tensor]


def _views(t: torch.Tensor) -> dict[str, Seen]:
    """What an operand may be mistaken for, by name; those that leave it as it is are not among them."""
    found: dict[str, Seen] = {}
    if not t.is_floating_point():
        return found
    axes = [k for k, n in enumerate(t.shape) if n > 1]
    if len(axes) >= 2:
        found["rotated by 180°"] = lambda t: t.flip(axes[-2:])
    for k in axes:
        found[f"flipped along axis {k}"] = functools.partial(torch.flip, dims=[k])
    if t.ndim >= 2 and t.shape[-1] == t.shape[-2] > 1:
        found["transposed"] = lambda t: t.transpose(-1, -2)
    elif t.ndim == 2 and len(axes) == 2:
        found["reshaped where a transpose was meant"] = lambda t: t.T.reshape(t.shape)
    found |= {
        "through ReLU": torch.relu,
        "through the logistic function": torch.sigmoid,
        "through tanh": torch.tanh,
        "squared": torch.square,
        "as 1": torch.ones_like,
        "as 1 minus it": lambda t: 1 - t,
        "as its sign": torch.sign,
        "as its absolute value": torch.abs,
        "one step later": lambda t: t.roll(-1, 0) if t.ndim else t,
        "one step earlier": lambda t: t.roll(1, 0) if t.ndim else t,
    }
    return found


def trials(spot: Spot) -> Iterator[Trial]:
    """What goes back to one input of a product is computed with the other one seen otherwise."""
    factors = other_factor(spot)
    if factors is None:
        return
    k, other = factors
    text, shown, arguments = spot.place.text, factors_of(spot.place.site), arguments_of(spot.gates[0])
    for name, seen in _views(arguments[other]).items():
        if torch.equal(seen(arguments[other].detach()), arguments[other].detach()):
            continue
        wrong = Hypothesis(
            "GC238",
            f"has {shown[other]} {name} in what goes back through {text} to {shown[k]}",
            (f"your backward takes {shown[other]} {name}",),
            (f"take {shown[other]} as the forward has it",),
            f"{shown[other]} {name}",
            cost=1.1 if "rot" in name or "trans" in name or name == "as 1" else 1.25,
        )
        yield from spot.times(wrong, functools.partial(_changes, spot.place, k, other, name))


def other_factor(spot: Spot) -> tuple[int, int] | None:
    """Which of the two factors of a product is under suspicion, and which is the other one; None for no product."""
    first = spot.gates[0]
    if first.operation.name not in _PRODUCTS or any(g.operation.rule is None for g in spot.gates):
        return None
    if len({g.operation.name for g in spot.gates}) > 1 or (spot.k is None and first.direct > 1):
        return None
    arguments = arguments_of(first)
    number = 0 if spot.k is None else first.number(spot.k)
    if len(arguments) != 2 or number is None:
        return None
    k = next(j for j, x in enumerate(arguments) if x is first.inputs[number])
    return k, 1 - k


def arguments_of(gate: Gate) -> list[torch.Tensor]:
    """The two factors as tensors of the operation's call; constants among them."""
    given = [x for x in gate.operation.inputs if not isinstance(x, str)]
    return [x if isinstance(x, torch.Tensor) else torch.as_tensor(x) for x in given] if len(given) == 2 else []


def _changes(place: Place, k: int, other: int, name: str, case: Case, times: float) -> dict[int, Change] | None:
    gates = place.gates(case)
    for gate in gates:
        arguments = arguments_of(gate)
        if len(arguments) != 2 or name not in _views(arguments[other]):
            return None

    def change(gate: Gate, gradient: torch.Tensor) -> Flow:
        factor = arguments_of(gate)[other]
        return to_one_factor(gate, gradient, k, _views(factor)[name](factor.detach()), times)

    return all_changed(gates, change)


def to_one_factor(
    gate: Gate,
    gradient: torch.Tensor,
    k: int,
    seen: torch.Tensor,
    times: float = 1.0,
    coming: torch.Tensor | None = None,
) -> Flow:
    """The derivative of a product, but for the one by argument ``k``: that with ``seen`` for the other, so many times.

    ``coming`` is what that one is made of in the place of ``gradient``.
    """
    own = {j: g for j, g in enumerate(gate.derivative(gradient)) if g is not None}
    arguments = arguments_of(gate)
    target = next((j for j, source in enumerate(gate.inputs) if source is arguments[k]), None)
    if target is not None:
        own[target] = times * derivative_with(gate, gradient if coming is None else coming, arguments, k, seen)
    return Flow(to=own)


def derivative_with(gate: Gate, gradient: torch.Tensor, arguments: list[torch.Tensor], k: int,
                seen: torch.Tensor) -> torch.Tensor:  # fmt: skip
    """The gradient by argument ``k`` with the other argument replaced by ``seen``."""
    operation = gate.operation
    assert operation.rule is not None  # only operations that can be computed again are looked at
    with torch.enable_grad():
        leaf = arguments[k].detach().requires_grad_()
        pair = [leaf, seen] if k == 0 else [seen, leaf]
        rest = iter(pair)
        inputs = [x if isinstance(x, str) else next(rest) for x in operation.inputs]
        result = operation.rule(*inputs, **operation.keywords)
        (found,) = vector_jacobian(result, [leaf], gradient)
    return torch.zeros_like(leaf) if found is None else found
