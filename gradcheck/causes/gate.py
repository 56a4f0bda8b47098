"""A gate behind each operation of the forward: shut, the derivative passes as it is; changed, another goes back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from gradcheck.trace.operation import Operation

__all__ = ["Change", "Flow", "Gate", "open_gate", "vector_jacobian"]


@dataclass(frozen=True, eq=False)
class Flow:
    """What goes back from a gate in the place of the derivative.

    ``through`` is what the operation's own derivative is applied to (None: nothing). ``to`` is what is given to the
    gate's sources directly, by their number.
    """

    through: torch.Tensor | None = None
    to: Mapping[int, torch.Tensor] = field(default_factory=dict)


Change = Callable[["Gate", torch.Tensor], Flow]


@dataclass(eq=False)
class Gate:
    """One operation and the tensors that its result comes from.

    ``sources`` are the differentiable inputs of the operation, then the entry of the line and of each function call
    that the operation may end (``line``, ``calls``: their numbers among the sources).
    """

    index: int
    operation: Operation
    sources: list[torch.Tensor]
    slots: tuple[int, ...]
    """Which argument each input is: ``sources`` begin with the operation's own inputs."""
    owner: int = 0
    """The object whose method called it, as a number."""
    result: torch.Tensor = field(default_factory=lambda: torch.empty(0))
    """The operation's result behind the gate."""
    is_copied: bool = False
    """Whether the result is a copy: a view may not be changed in place."""
    change: Change | None = None
    is_reached: bool = False
    """Whether the outputs depend on it: a cache may be computed and never used."""
    received: torch.Tensor | None = None
    """The gradient by the result in the last pass in which the gate had a change."""

    @property
    def direct(self) -> int:
        """How many of ``sources`` are the operation's own inputs."""
        return len(self.slots)

    @property
    def inputs(self) -> list[torch.Tensor]:
        """The operation's differentiable inputs."""
        return self.sources[: self.direct]

    def number(self, slot: int) -> int | None:
        """The number of the input that is argument ``slot``; None where that is a constant here."""
        return self.slots.index(slot) if slot in self.slots else None

    def derivative(self, gradient: torch.Tensor, *inputs: torch.Tensor) -> list[torch.Tensor | None]:
        """The gradients by the operation's inputs at ``inputs`` (default: its own), given the one by its result.

        Raises:
            ValueError: the operation cannot be computed again.
        """
        operation = self.operation
        if operation.rule is None:
            raise ValueError(f"{operation.name} cannot be computed again")
        own = self.inputs
        leaves = [t.detach().requires_grad_() for t in (inputs or own)]
        place = {id(t): leaf for t, leaf in zip(own, leaves, strict=True)}
        with torch.enable_grad():
            result = operation.rule(*_placed(operation.inputs, place), **_placed(operation.keywords, place))
            result = result.to(gradient.dtype)
            return vector_jacobian(result, leaves, gradient)


def vector_jacobian(
    result: torch.Tensor, inputs: Sequence[torch.Tensor], gradient: torch.Tensor
) -> list[torch.Tensor | None]:
    """The gradients by ``inputs``, given the one by ``result``."""
    # One number to differentiate: torch imports its symbolic machinery (a second) to check given gradients.
    with torch.enable_grad():
        total = torch.sum(result * gradient)
    return list(torch.autograd.grad(total, list(inputs), retain_graph=True, allow_unused=True))


def _placed(x: Any, place: Mapping[int, torch.Tensor]) -> Any:
    if isinstance(x, torch.Tensor):
        return place.get(id(x), x.detach())
    if isinstance(x, list | tuple):
        return type(x)([_placed(item, place) for item in x])
    if isinstance(x, Mapping):
        return {key: _placed(item, place) for key, item in x.items()}
    return x


class _Gate(torch.autograd.Function):
    """Forward: the result. Backward: the gradient to the result, or what the change makes of it."""

    @staticmethod
    def forward(ctx: Any, gate: Gate, result: torch.Tensor, *sources: torch.Tensor) -> torch.Tensor:
        ctx.gate, ctx.count = gate, len(sources)
        return result.clone() if gate.is_copied else result.view_as(result)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        gate: Gate = ctx.gate
        (gradient,) = gradients
        gate.is_reached = True
        if gate.change is None:
            return None, gradient, *[None] * ctx.count
        gate.received = gradient
        flow = gate.change(gate, gradient)
        back: Sequence[torch.Tensor | None] = [_shaped(flow.to.get(k), source) for k, source in enumerate(gate.sources)]
        return None, flow.through, *back


def _shaped(gradient: torch.Tensor | None, source: torch.Tensor) -> torch.Tensor | None:
    return None if gradient is None else gradient.to(source.dtype).reshape(source.shape)


def open_gate(gate: Gate) -> torch.Tensor:
    """The operation's result behind the gate."""
    gate.result = _Gate.apply(gate, gate.operation.result, *gate.sources)  # type: ignore[no-untyped-call]  # torch: Function.apply
    return gate.result
