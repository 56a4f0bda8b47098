"""Models with custom Functions in them: of torch.nn, residual and transformer blocks, one from a configuration."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import model_zoo
import torch
from torch import nn
from torch.autograd import Function

__all__ = ["MODELS", "Model", "planted"]


class Conv(Function):
    """A cross-correlation by unfolding."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, stride: int, pad: int) -> Any:
        columns = nn.functional.unfold(x, w.shape[2:], padding=pad, stride=stride)
        ctx.save_for_backward(columns, w)
        ctx.shape, ctx.stride, ctx.pad = x.shape, stride, pad
        side = [(n + 2 * pad - k) // stride + 1 for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
        return (w.flatten(1) @ columns).view(len(x), len(w), *side)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        columns, w = ctx.saved_tensors
        g = g.flatten(2)
        dw = (g @ columns.transpose(1, 2)).sum(0).view(w.shape)
        dx = nn.functional.fold(w.flatten(1).T @ g, ctx.shape[2:], w.shape[2:], padding=ctx.pad, stride=ctx.stride)
        return dx, dw, None, None


class RMSNorm(Function):
    """As large language models have it."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, eps: float) -> Any:
        rstd = (x.square().mean(-1, keepdim=True) + eps).rsqrt()
        ctx.save_for_backward(x, weight, rstd)
        return x * rstd * weight

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, weight, rstd = ctx.saved_tensors
        h = g * weight
        dx = rstd * h - x * rstd**3 * (h * x).mean(-1, keepdim=True)
        return dx, (g * x * rstd).flatten(0, -2).sum(0), None


class SiLU(Function):
    """x times its logistic."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return g * s * (1 + x * (1 - s))


class CrossEntropy(Function):
    """The mean over rows."""

    @staticmethod
    def forward(ctx: Any, logits: Any, target: Any) -> Any:
        p = logits.softmax(-1)
        ctx.save_for_backward(p, target)
        return -logits.log_softmax(-1)[torch.arange(len(target)), target].mean()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        p, target = ctx.saved_tensors
        d = p.clone()
        d[torch.arange(len(target)), target] -= 1
        return g * d / len(target), None


class ConvLayer(nn.Module):
    """A convolution without bias."""

    def __init__(self, into: int, out: int, stride: int = 1) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, into, 3, 3) / math.sqrt(9 * into))
        self.stride, self.function = stride, Conv

    def forward(self, x: Any) -> Any:
        return self.function.apply(x, self.weight, self.stride, 1)


class Residual(nn.Module):
    """torchvision's basic block, its convolutions and activations custom ones."""

    def __init__(self, into: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = ConvLayer(into, out, stride), ConvLayer(out, out)
        self.bn1, self.bn2 = nn.BatchNorm2d(out), nn.BatchNorm2d(out)
        self.relu1, self.relu2 = model_zoo.Wrapped(model_zoo.ReLU), model_zoo.Wrapped(model_zoo.ReLU)
        self.down = nn.Conv2d(into, out, 1, stride) if stride > 1 else nn.Identity()

    def forward(self, x: Any) -> Any:
        out = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(out + self.down(x))


class RMSNormLayer(nn.Module):
    """In the place of a configuration's own."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight, self.function = nn.Parameter(weight.detach() + 0.1 * torch.randn_like(weight)), RMSNorm

    def forward(self, x: Any) -> Any:
        return self.function.apply(x, self.weight, 1e-6)


class Classifier(nn.Module):
    """torch.nn's LSTM, and a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm, self.head = nn.Embedding(50, 32), nn.LSTM(32, 48, batch_first=True), nn.Linear(48, 10)
        self.act, self.function = model_zoo.Wrapped(SiLU), CrossEntropy

    def forward(self, ids: Any, target: Any) -> Any:
        hidden = self.lstm(self.embed(ids))[0][:, -1]
        return self.function.apply(self.head(self.act(hidden)), target)


@dataclass(frozen=True)
class Model:
    """How it is made, what it is called with, and where its Functions stand: path and attribute."""

    make: Callable[[], nn.Module]
    inputs: Callable[[], object]
    places: tuple[tuple[str, str], ...]


def _mlp() -> nn.Module:
    act = model_zoo.Wrapped
    return nn.Sequential(
        nn.Linear(64, 128), act(model_zoo.Gelu), nn.Linear(128, 128), act(model_zoo.ReLU), nn.Linear(128, 10)
    )


def _resnet() -> nn.Module:
    return nn.Sequential(
        ConvLayer(3, 8), Residual(8, 8, 1), Residual(8, 16, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)
    )


class Encoder(nn.Module):
    """torch.nn's own encoder, with an activation that is a Function."""

    def __init__(self) -> None:
        super().__init__()
        self.act = model_zoo.Wrapped(model_zoo.Gelu)
        block = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.1, batch_first=True, activation=nn.functional.gelu)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        for layer in self.blocks.layers:
            layer.activation = model_zoo.Wrapped(model_zoo.Gelu)

    def forward(self, x: Any) -> Any:
        return self.blocks(x)


def _llama() -> nn.Module:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        use_cache=False,
    )
    model = LlamaForCausalLM(config)
    for layer in model.model.layers:
        layer.input_layernorm = RMSNormLayer(layer.input_layernorm.weight)
        layer.post_attention_layernorm = RMSNormLayer(layer.post_attention_layernorm.weight)
        layer.mlp.act_fn = model_zoo.Wrapped(SiLU)
    return model


def _ids(vocabulary: int, *shape: int) -> Callable[[], torch.Tensor]:
    return lambda: torch.randint(0, vocabulary, shape)


MODELS = {
    "MLP, torch.nn": Model(_mlp, lambda: torch.randn(32, 64), (("1", "function"), ("3", "function"))),
    "residual network": Model(
        _resnet,
        lambda: torch.randn(4, 3, 16, 16),
        (("0", "function"), ("1.relu2", "function"), ("2.conv1", "function"), ("2.conv2", "function")),
    ),
    "TransformerEncoder, torch.nn": Model(
        Encoder,
        lambda: torch.randn(4, 12, 32),
        (("blocks.layers.0.activation", "function"), ("blocks.layers.1.activation", "function")),
    ),
    "decoder, 4 blocks": Model(
        lambda: model_zoo.Transformer(4, 32),
        _ids(11, 4, 12),
        (("blocks.0.norm1", "function"), ("blocks.1.attn", "softmax"), ("blocks.3.mlp.1", "function")),
    ),
    "the same, checkpointed": Model(
        lambda: model_zoo.Transformer(4, 32, recompute=True), _ids(11, 4, 12), (("blocks.2.attn", "softmax"),)
    ),
    "recurrent, 20 steps": Model(lambda: model_zoo.Recurrent(16), lambda: torch.randn(20, 8, 3), (("", "function"),)),
    "LSTM, torch.nn, own loss": Model(
        Classifier,
        lambda: (torch.randint(0, 50, (8, 10)), torch.randint(0, 10, (8,))),
        (("act", "function"), ("", "function")),
    ),
}
if importlib.util.find_spec("transformers"):
    MODELS["Llama of a configuration"] = Model(
        _llama,
        lambda: {"input_ids": torch.randint(0, 64, (2, 10)), "labels": torch.randint(0, 64, (2, 10))},
        (
            ("model.layers.0.input_layernorm", "function"),
            ("model.layers.1.post_attention_layernorm", "function"),
            ("model.layers.1.mlp.act_fn", "function"),
        ),
    )


def _one_entry(grad: Any) -> Any:
    spoilt = grad.clone()
    at = int(spoilt.abs().argmax())
    spoilt.view(-1)[at] *= 1.5
    return spoilt


FAULTS: dict[str, Callable[[Any], Any]] = {
    "× 1.01": lambda g: 1.01 * g,
    "sign": lambda g: -g,
    "one entry × 1.5": _one_entry,
    "rolled by one": lambda g: g.roll(1, -1),
}


def planted(right: Any, fault: Callable[[Any], Any]) -> Any:
    """The Function with one of its gradients spoilt: the first that the model needs."""

    def backward(ctx: Any, *upstreams: Any) -> Any:
        grads = right.backward(ctx, *upstreams)
        if not isinstance(grads, tuple):
            return fault(grads)
        at = ctx.needs_input_grad.index(True)
        return tuple(fault(g) if i == at else g for i, g in enumerate(grads))

    return type(f"Wrong{right.__name__}", (right,), {"backward": staticmethod(backward)})
