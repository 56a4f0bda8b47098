"""One application of a ``torch.autograd.Function``, and its backward called as the engine calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Applied", "apply_function", "backward_of", "is_once_differentiable", "positional_copy"]


def backward_of(function: Any) -> Callable[..., Any]:
    """The static method that PyTorch calls: ``vjp`` where it is defined, else ``backward``."""
    other = function.vjp is not torch.autograd.Function.vjp
    return function.vjp if other else function.backward  # type: ignore[no-any-return]  # of a class known at run time


def is_once_differentiable(function: Any) -> bool:
    """Whether the backward is marked so that a second derivative is refused aloud."""
    marked: Any = backward_of(function)
    while marked is not None:
        code = getattr(marked, "__code__", None)
        if code is not None and code.co_filename == torch.autograd.function.once_differentiable.__code__.co_filename:
            return True
        marked = getattr(marked, "__wrapped__", None)
    return False


def positional_copy(value: object, requires_grad: bool) -> object:
    """A tensor as a copy of its own with the same strides, anything else as it is."""
    if not isinstance(value, torch.Tensor):
        return value
    return value.detach().clone().requires_grad_(requires_grad)


@dataclass
class Applied:
    """What ``function.apply`` gave, and what it was given.

    ``leaves`` are the tensors to differentiate with respect to, by position; ``passed`` are what the function saw in
    their places (copies that are part of the graph, for a leaf cannot be changed in place).
    """

    function: Any
    args: list[Any]
    leaves: dict[int, torch.Tensor]
    outputs: tuple[Any, ...]
    materializes: bool
    """Whether an upstream gradient that is not there comes as zeros (PyTorch's default) and not as None."""

    @property
    def node(self) -> Any:
        """The node of the graph, which is the ``ctx`` of the backward; None where nothing requires a gradient."""
        return next((o.grad_fn for o in self.differentiable() if o.grad_fn is not None), None)

    def differentiable(self) -> list[torch.Tensor]:
        """The floating-point outputs that have a gradient: not those of :meth:`mark_non_differentiable`."""
        return [o for o in self.outputs if isinstance(o, torch.Tensor) and o.is_floating_point() and o.requires_grad]

    def is_dirty(self, position: int) -> bool:
        """Whether the input was declared as changed in place (then it is returned, the very object)."""
        return any(o is self.args[position] for o in self.outputs)

    def handed(self, upstreams: Sequence[torch.Tensor | None]) -> list[torch.Tensor | None]:
        """One upstream gradient for each output, as the engine hands them: zeros or None where there is none."""
        given = iter(upstreams)
        made: list[torch.Tensor | None] = []
        for output in self.outputs:
            if not isinstance(output, torch.Tensor):
                made.append(None)
                continue
            found = next(given) if output.is_floating_point() and output.requires_grad else None
            empty = None if not self.materializes else torch.zeros_like(output, requires_grad=False)
            made.append(empty if found is None else found)
        return made

    def backward(self, upstreams: Sequence[torch.Tensor | None]) -> list[Any]:
        """What the backward returns for these upstream gradients, one for each differentiable output."""
        return self.backward_as_handed(self.handed(upstreams))

    def backward_as_handed(self, handed: Sequence[torch.Tensor | None]) -> list[Any]:
        """What the backward returns, before the engine casts it, sums it, or leaves out what nobody needs."""
        with torch.no_grad():
            given = backward_of(self.function)(self.node, *handed)
        return list(given) if isinstance(given, tuple | list) else [given]


def apply_function(function: Any, args: Sequence[object], needs: Sequence[bool]) -> Applied:
    """Apply ``function`` to copies of ``args``; those that ``needs`` marks require a gradient."""
    given = [positional_copy(a, needed) for a, needed in zip(args, needs, strict=True)]
    leaves = {i: a for i, a in enumerate(given) if isinstance(a, torch.Tensor) and a.requires_grad}
    return apply_to(function, given, leaves)


def apply_to(function: Any, given: Sequence[object], leaves: dict[int, torch.Tensor]) -> Applied:
    """Apply ``function`` to these arguments, the leaves as copies that may be changed in place."""
    with torch.enable_grad():
        passed = [leaves[i].clone() if i in leaves else a for i, a in enumerate(given)]
        with _materializing(function) as told:
            made = function.apply(*passed)
    outputs = tuple(made) if isinstance(made, tuple | list) else (made,)
    return Applied(function, passed, leaves, outputs, told[0])


@contextmanager
def _materializing(function: Any) -> Iterator[list[bool]]:
    """What the forward says through ``ctx.set_materialize_grads``: PyTorch lets it be set and not read."""
    told = [True]
    context = getattr(function, "_backward_cls", None)
    if context is None:
        yield told
        return
    inherited = context.set_materialize_grads

    def remember(ctx: Any, value: bool) -> None:
        told[0] = bool(value)
        inherited(ctx, value)

    context.set_materialize_grads = remember
    try:
        yield told
    finally:
        del context.set_materialize_grads
