"""Watching a training: where its signal dies, explodes, saturates, is clipped or turns to NaN."""

from __future__ import annotations

import os
import types
from collections.abc import Callable
from typing import Any, Literal

from gradcheck.errors import GradcheckError
from gradcheck.health.sample import Sample
from gradcheck.health.stream import Stream
from gradcheck.watching.health import Health

__all__ = ["watch"]


def watch(
    model: Any,
    optimizer: Any = None,
    *more: Any,
    every: int | None = None,
    on: Literal["report", "raise"] = "report",
    callback: Callable[[Sample], object] | None = None,
    stream: str | os.PathLike[str] | None = None,
    name: str | None = None,
) -> Health:
    """Watch a training while it runs: ``with watch(model, optimizer) as health: ...`` around the loop as it is.

    Births of NaN and infinities are looked for at every step; activations, gradients, weights and updates are measured
    at some of them. A model that several processes train (``DistributedDataParallel``, ``fully_shard``) is watched in
    each of them; rank 0 has the report on all and alone calls ``callback``, and none waits for another. Arrays of a
    NumPy network are of a subclass meanwhile: ``type(W) is np.ndarray`` is False then; ``isinstance`` and ``==`` hold.

    Args:
        model: A ``torch.nn.Module``; or, of a network in NumPy, the object that holds its arrays, or its forward.
        optimizer: What moves a module's parameters, where that is not to be found out: a ``torch.optim.Optimizer`` or
            several in a list. Of a NumPy network whatever else holds arrays of it, or its backward.
        more: More of the same, of a NumPy network.
        every: Sample every so many steps. By default the first few, then every 50th, and some in a row where the loss
            or the gradients jump.
        on: ``"raise"`` stops the training at the first finding that is an error.
        callback: Called with each :class:`~gradcheck.health.sample.Sample`. Methods ``watch_begins(health)`` and
            ``watch_ends(health)`` of it, if there are any, are called with what this function gives.
        stream: A file to which each sample is written as one line of JSON while the training runs
            (:func:`gradcheck.health.stream.read` reads it).
        name: What the report calls the network.

    Returns:
        A context. Its ``report()`` gives the :class:`Report`, ``findings`` what was found until now; in it,
        ``step(loss=...)`` marks the end of a step that no optimizer of PyTorch makes.

    Raises:
        GradcheckError: an argument is not what it has to be.
        UnhealthyTraining: inside the training, with ``on="raise"``.

    Example:
        >>> import numpy as np
        >>> class Line:
        ...     def __init__(self):
        ...         self.W = np.full((2, 1), 1e160)
        ...     def train_step(self, x):
        ...         out = x @ self.W
        ...         self.W -= 0.1 * x.T @ out
        ...         return np.sum(out ** 2)
        >>> net = Line()
        >>> with np.errstate(over="ignore"), watch(net) as health:
        ...     for _ in range(3):
        ...         health.step(loss=net.train_step(np.ones((4, 2))))
        >>> [finding.title for finding in health.report().findings if finding.severity == "error"]
        ['the power (**) makes the first infinity, in the forward pass at step 0']
    """
    if every is not None and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
        raise GradcheckError(f"every: the number of steps from one sample to the next, 1 or more, not {every!r}")
    if on not in ("report", "raise"):
        raise GradcheckError(f'on: "report" or "raise", not {on!r}')
    if callback is not None and not callable(callback):
        raise GradcheckError(f"callback: a function that takes a sample, not {_kind(callback)}")
    if name is not None and not isinstance(name, str):
        raise GradcheckError(f"name: what the report calls the network, a text, not {_kind(name)}")
    told = callback if stream is None else _Both(Stream(stream), callback)
    import torch

    if isinstance(model, torch.nn.Module):
        from gradcheck.watching.pytorch.watch import TorchHealth

        if more:
            raise GradcheckError("optimizer: several optimizers are given as one list")
        optimizers = _optimizers(model, optimizer)
        group = _group(model)
        if group is not None:
            from gradcheck.watching.pytorch.distributed.watch import DistributedHealth

            return DistributedHealth(model, group, optimizers, every=every, on=on, callback=told, name=name)
        return TorchHealth(model, optimizers, every=every, on=on, callback=told, name=name)
    if isinstance(model, type):
        raise GradcheckError(f"model: the class {model.__name__}; give the object that is trained")
    if isinstance(model, torch.optim.Optimizer):
        raise GradcheckError("model: an optimizer; the torch.nn.Module comes first, then the optimizer")
    if isinstance(model, torch.Tensor) or model is None or isinstance(model, str | bytes | int | float):
        raise GradcheckError(
            f"model: {_kind(model)}; give a torch.nn.Module, an object that holds NumPy arrays, or functions"
        )
    parts = _torch_parts(model)
    if parts:
        raise GradcheckError(
            f"model: {_kind(model)} with {parts}; give one module that holds them all, as in "
            "watch(nn.ModuleList([generator, discriminator]), [optimizer_g, optimizer_d])"
        )
    from gradcheck.watching.arrays.watch import NumpyHealth

    roots = [model, *([] if optimizer is None else [optimizer]), *more]
    return NumpyHealth(*roots, subject=name or "", every=every, on=on, callback=told)


class _Both:
    """A stream, and the user's own callback with all that it has."""

    def __init__(self, stream: Stream, callback: Callable[[Sample], object] | None) -> None:
        self._stream, self._callback = stream, callback

    def __call__(self, sample: Sample) -> None:
        self._stream(sample)
        if self._callback is not None:
            self._callback(sample)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._callback, name)


def _group(model: Any) -> Any:
    """The processes that train the model together; None where this one does by itself, and then nothing is loaded."""
    import torch

    if not torch.distributed.is_available() or not torch.distributed.is_initialized():
        return None
    from gradcheck.watching.pytorch.distributed.group import group_of

    return group_of(model)


def _torch_parts(model: Any) -> str:
    """What of PyTorch's a container or an object holds, where it holds no NumPy array beside it; empty for nothing."""
    import torch

    from gradcheck.state import State

    if isinstance(model, types.GeneratorType):
        return "a module's parameters, or such" if model.__name__.endswith(("parameters", "modules")) else ""
    if isinstance(model, types.ModuleType) or callable(model):
        return ""
    own = model if isinstance(model, dict) else getattr(model, "__dict__", {})
    held = list(model) if isinstance(model, list | tuple | set) else list(own.values())
    kinds = (torch.nn.Module, "torch.nn.Modules in it"), (torch.Tensor, "torch.Tensors in it")
    found = next((said for kind, said in kinds if any(isinstance(v, kind) for v in held)), "")
    return "" if found and State(model).arrays else found


def _optimizers(model: Any, given: Any) -> list[Any]:
    import torch

    if given is None:
        return []
    optimizers = [_heard(optimizer) for optimizer in (given if isinstance(given, list | tuple) else [given])]
    own = {id(p) for p in model.parameters()}
    for optimizer in optimizers:
        if not isinstance(optimizer, torch.optim.Optimizer):
            inner = getattr(optimizer, "optimizer", None)
            hint = "; give its .optimizer" if isinstance(inner, torch.optim.Optimizer) else ""
            raise GradcheckError(f"optimizer: a torch.optim.Optimizer or a list of them, not {_kind(optimizer)}{hint}")
        if not any(id(p) in own for group in optimizer.param_groups for p in group["params"]):
            raise GradcheckError(
                "optimizer: it has none of the model's parameters; make it from this very model's parameters()"
            )
    return optimizers


def _heard(optimizer: Any) -> Any:
    """An optimizer whose steps PyTorch tells of: what is inside of one that only passes them on, as accelerate's does.

    PyTorch makes the class of each optimizer tell of its steps when one is made; a wrapper that leaves this out is not
    heard.
    """
    import torch

    while isinstance(optimizer, torch.optim.Optimizer) and not hasattr(type(optimizer).step, "hooked"):
        inner = getattr(optimizer, "optimizer", None)
        if not isinstance(inner, torch.optim.Optimizer):
            break
        optimizer = inner
    return optimizer


def _kind(value: object) -> str:
    return f"an object of type {type(value).__name__}"
