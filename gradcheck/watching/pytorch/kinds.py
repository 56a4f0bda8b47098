"""What kind of layer a module or a function is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.modules import batchnorm, conv, instancenorm, pooling, rnn
from torch.nn.modules.loss import _Loss

from gradcheck.health.sample import Kind

__all__ = ["FUNCTIONS", "cancels_bias", "is_layer", "kind_of", "passes"]

_KINDS: tuple[tuple[Kind, tuple[type, ...]], ...] = (
    ("linear", (nn.Linear, nn.Bilinear)),
    ("conv", (conv._ConvNd,)),
    ("embedding", (nn.Embedding, nn.EmbeddingBag)),
    ("rnn", (rnn.RNNBase, rnn.RNNCellBase)),
    ("attention", (nn.MultiheadAttention,)),
    (
        "norm",
        (batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, *([nn.RMSNorm] if hasattr(nn, "RMSNorm") else [])),
    ),
    (
        "pool",
        (
            pooling._MaxPoolNd,
            pooling._AvgPoolNd,
            pooling._AdaptiveAvgPoolNd,
            pooling._AdaptiveMaxPoolNd,
            pooling._LPPoolNd,
        ),
    ),
    ("dropout", (nn.modules.dropout._DropoutNd,)),
    ("relu", (nn.ReLU,)),
    ("logistic", (nn.Sigmoid,)),
    ("tanh", (nn.Tanh,)),
    ("softmax", (nn.Softmax, nn.Softmax2d)),
    ("gelu", (nn.GELU, nn.SiLU, nn.Mish)),
    ("clip", (nn.Hardtanh, nn.Hardsigmoid)),  # nn.ReLU6 is a Hardtanh
    (
        "activation",
        (
            nn.LeakyReLU,
            nn.PReLU,
            nn.RReLU,
            nn.ELU,
            nn.CELU,
            nn.SELU,
            nn.Softplus,
            nn.Softsign,
            nn.LogSigmoid,
            nn.LogSoftmax,
            nn.Hardswish,
            nn.Hardshrink,
            nn.Softshrink,
            nn.Tanhshrink,
            nn.Threshold,
            nn.GLU,
        ),
    ),
    ("loss", (_Loss,)),
)

# These move entries and compute nothing.
_SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle)

FUNCTIONS: dict[Callable[..., Any], tuple[Kind, str]] = {
    **dict.fromkeys(
        (functional.relu, functional.relu_, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_),
        ("relu", "relu"),
    ),
    **dict.fromkeys(
        (
            functional.sigmoid,
            torch.sigmoid,
            torch.sigmoid_,
            torch.Tensor.sigmoid,
            torch.Tensor.sigmoid_,
            torch.special.expit,
        ),
        ("logistic", "sigmoid"),
    ),
    **dict.fromkeys(
        (functional.tanh, torch.tanh, torch.tanh_, torch.Tensor.tanh, torch.Tensor.tanh_), ("tanh", "tanh")
    ),
    **dict.fromkeys((functional.softmax, torch.softmax, torch.Tensor.softmax), ("softmax", "softmax")),
    **dict.fromkeys((functional.relu6, functional.hardtanh, functional.hardtanh_), ("clip", "hardtanh")),
    functional.hardsigmoid: ("clip", "hardsigmoid"),
    functional.gelu: ("gelu", "gelu"),
    functional.silu: ("gelu", "silu"),
    functional.mish: ("gelu", "mish"),
    functional.leaky_relu: ("activation", "leaky_relu"),
    functional.elu: ("activation", "elu"),
    functional.selu: ("activation", "selu"),
    functional.softplus: ("activation", "softplus"),
}
"""The activations that a forward may call as functions: the kind, and the name by which the layer goes."""


def kind_of(module: nn.Module) -> Kind:
    """The kind of a module; ``block`` for one that is made of others."""
    for kind, classes in _KINDS:
        if isinstance(module, classes):
            return kind
    return "block" if any(True for _ in module.children()) else "other"


def is_layer(module: nn.Module) -> bool:
    """Whether its output is looked at: what computes something, and is not merely made of others."""
    kind = kind_of(module)
    if isinstance(module, _SHAPES) or kind == "dropout":
        return False
    return kind != "block" or bool(module._parameters)


def passes(module: nn.Module) -> str:
    """What a max-pool says of the gradient that it passes; empty for other modules."""
    if not isinstance(module, pooling._MaxPoolNd):
        return ""
    dimensions = int(type(module).__name__[-2])
    size = module.kernel_size
    count = 1
    for k in size if isinstance(size, tuple) else (size,) * dimensions:
        count *= k
    return f"1 of {count} positions"


def cancels_bias(module: nn.Module) -> bool:
    """Whether it subtracts each channel's mean, so that a bias just before it has no effect."""
    if isinstance(module, batchnorm._BatchNorm):
        return module.training or not module.track_running_stats
    return isinstance(module, instancenorm._InstanceNorm)
