"""Where a Wengert list and PyTorch's graph meet: a stretch of entries as one node, and what is taken from it."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import numpy.typing as npt
import torch

from gradcheck.trace.reads import Reader
from gradcheck.trace.wengert.codes import Wide
from gradcheck.trace.wengert.columns import Ends
from gradcheck.trace.wengert.totals import Totals

if TYPE_CHECKING:
    from gradcheck.trace.wengert.entries import Entries

__all__ = ["Stretch", "Taken"]

Array = npt.NDArray[Any]


class Stretch(torch.autograd.Function):
    """Forward: a token that stands for some entries. Backward, once all that was taken of them is known: the replay.

    The inputs are tokens of sources and of earlier stretches: that they are this node's inputs makes PyTorch ask for
    their gradients after this one's. The gradients themselves go into the sums of the readers, or stay in the pass.
    """

    @staticmethod
    def forward(
        ctx: Any, entries: Entries, begin: Ends, end: Ends, sources: list[Reader], *tokens: Any
    ) -> torch.Tensor:
        ctx.entries, ctx.range, ctx.sources, ctx.tokens = weakref.ref(entries), (begin, end), sources, len(tokens)
        return torch.zeros((), dtype=torch.float64)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        entries = _alive(ctx.entries)
        _refuse_second_order()
        begin, end = ctx.range
        entries.current_pass().replay(entries, begin, end, Totals(ctx.sources))
        return None, None, None, None, *([torch.zeros_like(gradients[0])] * ctx.tokens)


class Taken(torch.autograd.Function):
    """Forward: ``values``, which these entries (or the array that one of them is) have. Backward: their gradient."""

    @staticmethod
    def forward(
        ctx: Any,
        token: torch.Tensor,  # noqa: ARG004  # ties what is taken to the stretch in the graph
        entries: Entries,
        which: Array | Wide,
        values: torch.Tensor,
    ) -> torch.Tensor:
        ctx.entries, ctx.which = weakref.ref(entries), which
        ctx.set_materialize_grads(False)
        return values

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor | None) -> tuple[torch.Tensor | None, None, None, None]:
        gradient = gradients[0]
        if gradient is None:
            return None, None, None, None
        _refuse_second_order()
        this = _alive(ctx.entries).current_pass()
        if isinstance(ctx.which, Wide):
            this.add_array(ctx.which.number, gradient.numpy())
        else:
            this.numbers.add_all(ctx.which, gradient.numpy())
        return torch.zeros((), dtype=torch.float64), None, None, None


def _alive(entries: weakref.ref[Entries]) -> Entries:
    """The entries, which the trace holds: a node of the graph that held them would be held by them."""
    found = entries()
    if found is None:
        raise RuntimeError("the trace that these tensors belong to was let go")
    return found


def _refuse_second_order() -> None:
    if torch.is_grad_enabled():
        raise RuntimeError("a trace that is differentiated once has no second derivatives")
