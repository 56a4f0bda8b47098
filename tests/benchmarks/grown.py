"""The five layers that every network is made of, in NumPy and in PyTorch, at any number of entries."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from layers.catalogue import Layer, entries

Array = np.ndarray[Any, Any]

NAMES = {
    "linear": "linear",
    "conv2d": "conv_im2col",
    "LSTM": "lstm_cell",
    "attention": "attention",
    "batch norm": "batch_norm",
}


def numpy_layer(name: str, size: int) -> Layer:
    """A layer of ``fixtures/layers`` whose floating-point inputs have about ``size`` entries together."""
    [layer] = [one for one in entries() if one.name == NAMES[name]]
    rng = np.random.default_rng(7)
    shapes, options = _SHAPES[name](size)
    inputs = [rng.standard_normal(shape) for shape in shapes]
    if name == "batch norm":
        inputs[1] += 2
    for x in inputs:
        if name in ("linear", "LSTM", "conv2d") and x.ndim in (2, 4) and x is not inputs[0]:
            x /= math.sqrt(x.shape[0] if x.ndim == 2 else np.prod(x.shape[1:]))
    return layer._replace(inputs=tuple(inputs), options=options)


def _linear(size: int) -> tuple[Sequence[tuple[int, ...]], dict[str, Any]]:
    n = max(4, math.isqrt(size // 3))  # a batch of n, n inputs, n outputs and a bias
    return [(n, n), (n, 2 * n), (2 * n,)], {}


def _conv2d(size: int) -> tuple[Sequence[tuple[int, ...]], dict[str, Any]]:
    channels = 4 if size < 1_000_000 else 8
    side = max(4, math.isqrt(size // (4 * channels)))
    return [(4, channels, side, side), (channels, channels, 3, 3), (channels,)], {"stride": 1, "pad": 1}


def _lstm(size: int) -> tuple[Sequence[tuple[int, ...]], dict[str, Any]]:
    n = max(2, math.isqrt(size // 11))  # three states of n × n, and two weights of n × 4n
    return [(n, n), (n, n), (n, n), (n, 4 * n), (n, 4 * n), (4 * n,)], {}


def _attention(size: int) -> tuple[Sequence[tuple[int, ...]], dict[str, Any]]:
    length = 4 if size < 1000 else 32 if size < 1_000_000 else 64
    batch = max(1, size // (3 * length * length))
    return [(batch, length, length)] * 3, {}


def _batch_norm(size: int) -> tuple[Sequence[tuple[int, ...]], dict[str, Any]]:
    n = max(5, math.isqrt(size))
    return [(n, n), (n,), (n,)], {}


_SHAPES: dict[str, Callable[[int], tuple[Sequence[tuple[int, ...]], dict[str, Any]]]] = {
    "linear": _linear,
    "conv2d": _conv2d,
    "LSTM": _lstm,
    "attention": _attention,
    "batch norm": _batch_norm,
}


class TorchLayer(NamedTuple):
    """A module in float64 and its inputs; ``leaves`` are what gradients are taken of."""

    module: torch.nn.Module
    inputs: tuple[torch.Tensor, ...]

    @property
    def leaves(self) -> list[torch.Tensor]:
        """The inputs that require a gradient, and the parameters."""
        return [*(x for x in self.inputs if x.requires_grad), *self.module.parameters()]

    def one_pass(self) -> None:
        """One forward and one backward."""
        out = self.module(*self.inputs)
        out = out[0] if isinstance(out, tuple) else out
        torch.autograd.grad(out, self.leaves, torch.ones_like(out))


class _Attention(torch.nn.Module):
    """Self-attention without the options, as :class:`torch.nn.MultiheadAttention` is called."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = torch.nn.MultiheadAttention(width, 2 if width % 2 == 0 else 1, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.inner(x, x, x, need_weights=False)[0]
        return made


class _Recurrent(torch.nn.Module):
    """The outputs of an LSTM, without its last states."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = torch.nn.LSTM(width, width, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.inner(x)[0]
        return made


def torch_layer(name: str, size: int) -> TorchLayer:
    """PyTorch's own layer, whose parameters and input have about ``size`` entries together."""
    torch.manual_seed(7)
    if name == "linear":
        n = max(4, math.isqrt(size // 3))
        module, shape = torch.nn.Linear(n, 2 * n), (n, n)
    elif name == "conv2d":
        shapes, _ = _conv2d(size)
        channels = shapes[1][0]
        module, shape = torch.nn.Conv2d(channels, channels, 3, padding=1), shapes[0]
    elif name == "LSTM":
        n = max(2, math.isqrt(size // 12))
        module, shape = _Recurrent(n), (max(1, n // 4), 16, n)
    elif name == "attention":
        n = max(4, 2 * math.isqrt(size // 32))
        module, shape = _Attention(n), (max(1, n // 16), 16, n)
    else:
        n = max(5, math.isqrt(size))
        module, shape = torch.nn.BatchNorm1d(n), (n, n)
    return TorchLayer(module.double(), (torch.randn(shape, dtype=torch.float64, requires_grad=True),))


def upstream_of(layer: Layer) -> tuple[Array, ...]:
    """Gaussian upstream gradients of the outputs' shapes."""
    rng = np.random.default_rng(8)
    *outs, _ = layer.forward(*layer.inputs, **layer.options)
    return tuple(rng.standard_normal(out.shape) for out in outs)
