"""Layers whose mistakes were looked at when the causes of Functions were written: what is learnt on, not measured."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 4, 4), normal("b", 4)),
    {"bias's averaged": "GC201", "weight transposed": "GC238 GC203"},
)
def linear(wrong: str) -> Function:
    """x wᵀ + b."""

    class Linear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            return x @ w.t() + b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            dx = g @ (w.t() if wrong == "weight transposed" else w)
            return dx, g.t() @ x, g.mean(0) if wrong == "bias's averaged" else g.sum(0)

    return Linear


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w1", 4, 6), normal("w2", 6, 2)),
    {
        "no ReLU": "GC232",
        "before ReLU": "GC238",
        "ReLU for its step": "GC233",
        "mask turned": "GC233",
    },
)
def mlp(wrong: str) -> Function:
    """Two products with a ReLU between."""

    class MLP(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w1: Tensor, w2: Tensor) -> Tensor:
            z = x @ w1
            h = torch.relu(z)
            ctx.save_for_backward(x, w1, w2, z, h)
            return h @ w2

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w1, w2, z, h = ctx.saved_tensors
            mask = {"no ReLU": torch.ones_like(h), "ReLU for its step": h, "mask turned": z < 0}.get(wrong, z > 0)
            d = (g @ w2.t()) * mask
            return d @ w1.t(), x.t() @ d, (z if wrong == "before ReLU" else h).t() @ g

    return MLP


@planted(
    FUNCTIONS,
    (normal("x", 6, 3), normal("w", 3)),
    {"before ReLU": "GC238", "weight forgotten": "GC238 GC232 GC213", "weight's not multiplied": "GC238 GC213"},
)
def scale(wrong: str) -> Function:
    """relu(x) w."""

    class Scale(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            h = torch.relu(x)
            ctx.save_for_backward(x, w, h)
            return h * w

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, h = ctx.saved_tensors
            factor = {"before ReLU": x, "weight's not multiplied": torch.ones_like(x)}.get(wrong, h)
            return g * (1 if wrong == "weight forgotten" else w) * (x > 0), (g * factor).sum(0)

    return Scale


@planted(
    FUNCTIONS,
    (normal("x", 6, 3),),
    {"second path missing": "GC230 GC236", "s for s (1 - s)": "GC233", "1 - s for s (1 - s)": "GC233 GC232 GC238"},
)
def silu(wrong: str) -> Function:
    """x times its logistic function."""

    class SiLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            s = torch.sigmoid(x)
            ctx.save_for_backward(x, s)
            return x * s

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, s = ctx.saved_tensors
            slopes = {"second path missing": s * 0, "s for s (1 - s)": s, "1 - s for s (1 - s)": 1 - s}
            return g * (s + x * slopes.get(wrong, s * (1 - s)))

    return SiLU


@planted(
    FUNCTIONS,
    (normal("x", 4, 6), 1 + normal("w", 6) / 3),
    {
        "statistics as constants": "GC230 GC236",
        "weight's not normalised": "GC238",
        "sum for the mean": "GC201 GC233 GC234 GC231 GC235",
        "weight forgotten": "GC238 GC213 GC232",
    },
)
def rms(wrong: str) -> Function:
    """x over its root mean square, times w."""

    class RMS(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            ms = x.pow(2).mean(-1, keepdim=True)
            r = torch.rsqrt(ms + 1e-6)
            ctx.save_for_backward(x, w, r)
            return x * r * w

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, r = ctx.saved_tensors
            gw = g if wrong == "weight forgotten" else g * w
            inner = (gw * x).sum(-1, keepdim=True) / (1 if wrong == "sum for the mean" else x.shape[-1])
            if wrong == "statistics as constants":
                inner = torch.zeros_like(inner)
            dw = g * x if wrong == "weight's not normalised" else g * x * r
            return r * gw - x * r**3 * inner, dw.sum(0)

    return RMS


@planted(
    FUNCTIONS,
    (normal("x", 4, 6), 1 + normal("w", 6) / 3, normal("b", 6)),
    {
        "variance's term missing": "GC230 GC236",
        "mean's term missing": "GC230 GC236",
        "weight's not normalised": "GC238",
        "weight forgotten": "GC238 GC232 GC213",
    },
)
def layer_norm(wrong: str) -> Function:
    """Step by step."""

    class LayerNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, eps: float = 1e-5) -> Tensor:
            mean = x.mean(dim=-1, keepdim=True)
            centred = x - mean
            var = (centred * centred).mean(dim=-1, keepdim=True)
            rstd = 1.0 / torch.sqrt(var + eps)
            normed = centred * rstd
            ctx.save_for_backward(normed, w, rstd, centred)
            return normed * w + b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            normed, w, rstd, centred = ctx.saved_tensors
            d = g if wrong == "weight forgotten" else g * w
            centre, spread = d.mean(-1, keepdim=True), normed * (d * normed).mean(-1, keepdim=True)
            centre = 0 * centre if wrong == "mean's term missing" else centre
            spread = 0 * spread if wrong == "variance's term missing" else spread
            dw = g * (centred if wrong == "weight's not normalised" else normed)
            return rstd * (d - centre - spread), dw.sum(0), g.sum(0)

    return LayerNorm


@planted(
    FUNCTIONS,
    (normal("q", 2, 5, 4), normal("k", 2, 5, 4), normal("v", 2, 5, 4)),
    {
        "scale forgotten": "GC231 GC201 GC232",
        "diagonal alone": "GC233",
        "row sums forgotten": "GC233 GC230 GC236",
        "values' not transposed": "GC238 GC239",
        "keys' not transposed": "GC238 GC239 GC203",
        "queries' by the queries": "GC238",
    },
)
def attention(wrong: str) -> Function:
    """softmax(q kᵀ / √D) v."""

    class Attention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            s = torch.matmul(q, k.transpose(-2, -1)) / math.sqrt(q.shape[-1])
            p = torch.softmax(s, dim=-1)
            ctx.save_for_backward(q, k, v, p)
            return torch.matmul(p, v)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            q, k, v, p = ctx.saved_tensors
            dp = g @ v.transpose(-2, -1)
            ds = p * (dp - (dp * p).sum(-1, keepdim=True))
            ds = {"diagonal alone": dp * p * (1 - p), "row sums forgotten": p * dp}.get(wrong, ds)
            if wrong != "scale forgotten":
                ds = ds / math.sqrt(q.shape[-1])
            dk = (ds if wrong == "keys' not transposed" else ds.mT) @ q
            dv = (p if wrong == "values' not transposed" else p.mT) @ g
            return ds @ (q if wrong == "queries' by the queries" else k), dk, dv

    return Attention


@planted(
    FUNCTIONS,
    (normal("x", 6, 3),),
    {
        "cube not differentiated": "GC230 GC236 GC231 GC240",
        "1 - t for 1 - t²": "GC233",
        "3 forgotten": "GC231 GC233 GC201",
    },
)
def gelu(wrong: str) -> Function:
    """By tanh."""

    class GELU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            u = 0.7978845608 * (x + 0.044715 * x**3)
            t = torch.tanh(u)
            ctx.save_for_backward(x, t)
            return 0.5 * x * (1 + t)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, t = ctx.saved_tensors
            times = {"cube not differentiated": 0, "3 forgotten": 1}.get(wrong, 3)
            slope = (1 - t if wrong == "1 - t for 1 - t²" else 1 - t * t) * 0.7978845608
            return g * (0.5 * (1 + t) + 0.5 * x * slope * (1 + times * 0.044715 * x**2))

    return GELU


@planted(
    FUNCTIONS,
    (normal("x", 2, 2, 5, 5), normal("w", 3, 2, 3, 3), normal("b", 3)),
    {"kernel turned": "GC238 GC204", "bias's averaged": "GC201"},
)
def conv(wrong: str) -> Function:
    """F.conv2d with a padding."""

    class Conv(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            return functional.conv2d(x, w, b, padding=1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            kernel = w.flip(-1, -2) if wrong == "kernel turned" else w
            db = g.mean((0, 2, 3)) if wrong == "bias's averaged" else g.sum((0, 2, 3))
            dx = torch.nn.grad.conv2d_input(x.shape, kernel, g, padding=1)
            return dx, torch.nn.grad.conv2d_weight(x, w.shape, g, padding=1), db

    return Conv
