"""PyTorch's own check on the same mathematics: on its own function, and on the hand-written layer as a Function."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from layers.catalogue import Layer
from planted_kinds import Arrays, as_tuple


def tensors(layer: Layer) -> list[torch.Tensor]:
    """The inputs; those of floats require a gradient."""
    return [torch.tensor(x, requires_grad=x.dtype.kind == "f") for x in layer.inputs]


def torch_function(layer: Layer) -> Callable[..., Any]:
    """The layer in PyTorch's own words; a random mask is the same at every call."""

    def function(*inputs: torch.Tensor) -> Any:
        np.random.seed(0)
        return layer.torch(*inputs, **layer.options)

    return function


def as_function(layer: Layer) -> Callable[..., Any]:
    """The hand-written layer, wrapped so that PyTorch's check can call it."""

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: torch.Tensor) -> Any:
            np.random.seed(0)
            *outs, ctx.cache = layer.forward(*(x.detach().numpy() for x in inputs), **layer.options)
            ctx.floats = [x.is_floating_point() for x in inputs]
            made = tuple(torch.as_tensor(np.asarray(out)).clone() for out in outs)
            return made if len(made) > 1 else made[0]

        @staticmethod
        def backward(ctx: Any, *upstreams: torch.Tensor) -> Any:
            found = iter(as_tuple(layer.backward(*(u.numpy() for u in upstreams), ctx.cache)))
            return tuple(torch.as_tensor(np.ascontiguousarray(next(found))) if f else None for f in ctx.floats)

    return Wrapped.apply


def pair_as_function(forward: Callable[..., Any], backward: Callable[..., Any]) -> Callable[..., Any]:
    """A NumPy forward -> (out, cache) and its backward, wrapped so that PyTorch's check can call them."""

    class Wrapped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, *inputs: torch.Tensor) -> torch.Tensor:
            out, ctx.cache = forward(*(x.detach().numpy() for x in inputs))
            return torch.as_tensor(out)

        @staticmethod
        def backward(ctx: Any, dout: torch.Tensor) -> Any:
            found = backward(dout.numpy(), ctx.cache)
            found = found if isinstance(found, tuple) else (found,)
            return tuple(torch.as_tensor(np.ascontiguousarray(g)) for g in found)

    return Wrapped.apply


def gradcheck(function: Callable[..., Any], inputs: list[torch.Tensor], fast: bool) -> bool:
    """PyTorch's verdict."""
    return torch.autograd.gradcheck(function, inputs, fast_mode=fast, raise_exception=False)


def pass_through(function: Callable[..., Any], inputs: list[torch.Tensor], upstreams: Arrays) -> None:
    """One forward and backward of PyTorch's."""
    outs = function(*inputs)
    outs = outs if isinstance(outs, tuple) else (outs,)
    wanted = [x for x in inputs if x.requires_grad]
    torch.autograd.grad(outs, wanted, [torch.tensor(u) for u in upstreams])


def calls_of_slow_mode(layer: Layer, upstreams: Arrays) -> int:
    """About how many forwards or backwards the slow mode needs: two for each input entry, two for each output entry."""
    return 2 * sum(x.size for x in layer.inputs if x.dtype.kind == "f") + 2 * sum(u.size for u in upstreams)
