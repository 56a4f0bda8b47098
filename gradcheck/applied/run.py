"""One step of a model, forward and backward, with everything put back afterwards."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch.utils._pytree import tree_map

from gradcheck.applied.recorder import Recorder
from gradcheck.errors import GradcheckError
from gradcheck.state import State, gaussian, own_generator, seed_everything
from gradcheck.witnesses.raised import raising_in
from gradcheck.witnesses.torch_arrays import flat_outputs, refuse_without_values

__all__ = ["as_before", "run_once"]


@contextmanager
def as_before(model: torch.nn.Module, *others: object) -> Iterator[None]:
    """Put back parameters, buffers, their ``.grad``, attributes, hooks and random states when the block ends.

    Hooks that run once a gradient is accumulated (an optimizer's step in the backward) are left out meanwhile.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        refuse_without_values(name, tensor)
    snapshot = State(model, *others).snapshot()
    parameters = list(model.parameters())
    kept = [(p, p.grad) for p in parameters]
    hooks = [(p, p._post_accumulate_grad_hooks) for p in parameters if p._post_accumulate_grad_hooks]
    modes = [(module, module.training) for module in model.modules()]
    try:
        for p in parameters:
            p.grad = None
        for p, _ in hooks:
            p._post_accumulate_grad_hooks = {}
        yield
    finally:
        snapshot.restore()
        for p, grad in kept:
            p.grad = grad
        for p, registered in hooks:
            p._post_accumulate_grad_hooks = registered
        for module, mode in modes:
            module.training = mode


def run_once(
    model: torch.nn.Module,
    args: Sequence[object] | None,
    keywords: Mapping[str, object],
    loss: Callable[..., Any] | None,
    seed: int,
    recorder: Recorder,
) -> Exception | None:
    """Run forward, loss and backward once under ``recorder``; what the backward raised, if it did.

    ``args`` None means that ``loss`` is called with the model and runs the forward itself.

    Raises:
        GradcheckError: the forward or the loss raises, or gives nothing that can be differentiated.
    """
    seed_everything(seed)
    with recorder.listening(), torch.enable_grad(), _uncompiled():
        if args is None:
            assert loss is not None
            recorder.phase = "loss"
            with raising_in("loss"):
                roots = [_scalar(loss(model))]
            upstreams: list[torch.Tensor | None] = [None]
            recorder.loss = float(roots[0].detach())
        else:
            given, named = tree_map(_leaf, (tuple(args), dict(keywords)))
            with raising_in("forward"):
                output = model(*given, **named)
            if loss is None:
                roots, upstreams = _drawn(output, seed)
            else:
                recorder.phase = "loss"
                with raising_in("loss"):
                    roots, upstreams = [_scalar(loss(output))], [None]
                recorder.loss = float(roots[0].detach())
        recorder.phase = "backward"
        try:
            torch.autograd.backward(roots, upstreams)
        except Exception as error:
            return error
    return None


def _leaf(value: Any) -> Any:
    """Inputs of their own, so that neither the caller's tensors nor the graph they come from are touched."""
    return value.detach().clone().requires_grad_(value.requires_grad) if isinstance(value, torch.Tensor) else value


def _scalar(value: Any) -> torch.Tensor:
    if not isinstance(value, torch.Tensor) or value.numel() != 1:
        what = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        raise GradcheckError(f"loss: it must return a tensor with one number, not {what}")
    if not value.requires_grad:
        raise GradcheckError("loss: it does not depend on anything that requires a gradient; use torch operations")
    return value


def _drawn(output: Any, seed: int) -> tuple[list[torch.Tensor], list[torch.Tensor | None]]:
    """Every output with a gradient, each with a standard normal upstream gradient."""
    roots = [o for o in flat_outputs(output) if o.requires_grad]
    if not roots:
        raise GradcheckError(
            f"model: nothing in its output ({type(output).__name__}) requires a gradient; unfreeze parameters, give "
            "inputs that require one, or give loss=, a function of the output"
        )
    rng = own_generator(seed)
    return roots, [torch.from_numpy(gaussian(rng, tuple(o.shape))).to(o.detach()) for o in roots]


def _uncompiled() -> Any:
    """Compiled modules are run as they were written: a compiled graph calls no ``apply``."""
    stance = getattr(torch.compiler, "set_stance", None)
    compiled = "torch._dynamo" in sys.modules  # to load it takes seconds, and without it nothing was compiled
    return stance("force_eager") if compiled and stance is not None else nullcontext()
