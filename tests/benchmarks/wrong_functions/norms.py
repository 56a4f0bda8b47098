"""Normalisations: what people forget is what goes back through the statistics."""

from typing import Any

import torch
from torch import Tensor
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []
EPS = 1e-5


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 6), 1 + normal("w", 6) / 3),
    {
        "sign of the statistics": "GC231 GC202",
        "square for the cube": "GC233 GC238 GC213",
        "weight not in the statistics": "GC232 GC238 GC239 GC213 GC233",
        "weight's of the first sequence": "GC207 GC215 GC235",
    },
)
def rms_norm(wrong: str) -> Function:
    """As in Llama, of (N, T, D)."""

    class RMSNorm(torch.autograd.Function):
        @staticmethod
        def forward(x: Tensor, w: Tensor) -> Tensor:
            r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS)
            return x * r * w

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            r = torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + EPS)
            gw = g * w
            inner = g if wrong == "weight not in the statistics" else gw
            power = 2 if wrong == "square for the cube" else 3
            below = x * r**power * (inner * x).mean(-1, keepdim=True)
            dx = r * gw + below if wrong == "sign of the statistics" else r * gw - below
            dw = g * x * r
            return dx, dw[0].sum(0) if wrong == "weight's of the first sequence" else dw.sum((0, 1))

    return RMSNorm


@planted(
    FUNCTIONS,
    (normal("x", 4, 6, dtype=torch.bfloat16), (1 + normal("w", 6) / 3).bfloat16()),
    {"statistics as constants": "GC230 GC236", "weight's not normalised": "GC238"},
)
def rms_norm_bfloat16(wrong: str) -> Function:
    """Computed in float32, given back in bfloat16."""

    class RMSNormHalf(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            wide = x.float()
            r = torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)
            normed = wide * r
            ctx.save_for_backward(x, w, r)
            return (normed * w.float()).to(x.dtype)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, r = ctx.saved_tensors
            wide, g = x.float(), g.float()
            normed = wide * r
            gw = g * w.float()
            below = normed * (gw * normed).mean(-1, keepdim=True)
            dx = r * gw if wrong == "statistics as constants" else r * (gw - below)
            dw = (g * (wide if wrong == "weight's not normalised" else normed)).sum(0)
            return dx.to(x.dtype), dw.to(w.dtype)

    return RMSNormHalf


@planted(
    FUNCTIONS,
    (normal("x", 4, 6), 1 + normal("w", 6) / 3, normal("b", 6)),
    {
        "variance as a constant": "GC230 GC236",
        "N - 1 for N": "GC231",
        "mean of the batch": "GC244 GC214 GC233",
        "bias's averaged": "GC201",
    },
)
def layer_norm(wrong: str) -> Function:
    """By torch.var."""

    class LayerNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            mean = x.mean(-1, keepdim=True)
            var = x.var(-1, unbiased=False, keepdim=True)
            rstd = (var + EPS).rsqrt()
            normed = (x - mean) * rstd
            ctx.save_for_backward(normed, rstd, w)
            return normed * w + b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            normed, rstd, w = ctx.saved_tensors
            d = g * w
            n = x_last = d.shape[-1]
            spread = (d * normed).sum(-1, keepdim=True) / (x_last - 1 if wrong == "N - 1 for N" else n)
            if wrong == "variance as a constant":
                spread = torch.zeros_like(spread)
            centre = d.mean(0 if wrong == "mean of the batch" else -1, keepdim=True)
            db = g.mean(0) if wrong == "bias's averaged" else g.sum(0)
            return rstd * (d - centre - normed * spread), (g * normed).sum(0), db

    return LayerNorm


@planted(
    FUNCTIONS,
    (normal("x", 3, 4, 2, 3), 1 + normal("w", 4) / 3, normal("b", 4), 2),
    {
        "statistics as constants": "GC230 GC236",
        "weight after the derivative of the norm": "GC233 GC238 GC239 GC232",
        "weight's averaged over positions": "GC201",
        "statistics of the channel": "GC244 GC233 GC231",
    },
)
def group_norm(wrong: str) -> Function:
    """Groups of channels by view."""

    class GroupNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, groups: int) -> Tensor:
            n, c, height, width = x.shape
            grouped = x.view(n, groups, -1)
            mean = grouped.mean(-1, keepdim=True)
            centred = grouped - mean
            inv = 1 / torch.sqrt(centred.pow(2).mean(-1, keepdim=True) + EPS)
            normed = (centred * inv).view(n, c, height, width)
            ctx.save_for_backward(normed, inv, w)
            ctx.groups = groups
            return normed * w[:, None, None] + b[:, None, None]

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            normed, inv, w = ctx.saved_tensors
            n, c = g.shape[:2]
            late = wrong == "weight after the derivative of the norm"
            parts = c if wrong == "statistics of the channel" else ctx.groups
            d = (g if late else g * w[:, None, None]).reshape(n, parts, -1)
            y = normed.reshape(n, parts, -1)
            inside = d - d.mean(-1, keepdim=True) - y * (d * y).mean(-1, keepdim=True)
            if wrong == "statistics as constants":
                inside = d
            dx = (inside.reshape(n, ctx.groups, -1) * inv).reshape(g.shape)
            dw = (g * normed).sum(0)
            dw = dw.mean((1, 2)) if wrong == "weight's averaged over positions" else dw.sum((1, 2))
            return dx * w[:, None, None] if late else dx, dw, g.sum((0, 2, 3)), None

    return GroupNorm


@planted(
    FUNCTIONS,
    (normal("x", 4, 3, 2, 2), 1 + normal("w", 3) / 3, normal("b", 3)),
    {
        "as in evaluation": "GC230 GC236 GC232",
        "divided by the batch alone": "GC231 GC233",
        "mean's term missing": "GC230 GC236",
        "variance not under the root": "GC233 GC213 GC234 GC238",
    },
)
def batch_norm(wrong: str) -> Function:
    """Of (N, C, H, W), with the statistics as outputs that are not differentiated."""

    class BatchNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Any:
            mean = x.mean((0, 2, 3), keepdim=True)
            centred = x - mean
            var = (centred * centred).mean((0, 2, 3), keepdim=True)
            std = torch.sqrt(var + EPS)
            normed = centred / std
            ctx.save_for_backward(normed, std, w)
            running = mean.clone(), var.clone()
            ctx.mark_non_differentiable(*running)
            return normed * w.view(1, -1, 1, 1) + b.view(1, -1, 1, 1), *running

        @staticmethod
        def backward(ctx: Any, g: Tensor, *_: Any) -> Any:
            normed, std, w = ctx.saved_tensors
            d, axes = g * w.view(1, -1, 1, 1), (0, 2, 3)
            count = len(d) if wrong == "divided by the batch alone" else d[:, 0].numel()
            centre = d.sum(axes, keepdim=True) / count
            spread = normed * (d * normed).sum(axes, keepdim=True) / count
            if wrong in ("mean's term missing", "as in evaluation"):
                centre = torch.zeros_like(centre)
            if wrong == "as in evaluation":
                spread = torch.zeros_like(spread)
            below = std**2 if wrong == "variance not under the root" else std
            return (d - centre - spread) / below, (g * normed).sum(axes), g.sum(axes)

    return BatchNorm


@planted(
    FUNCTIONS,
    (normal("x", 4, 3),),
    {
        "no projection": "GC230 GC236",
        "x for the unit vector": "GC233 GC238 GC213 GC232",
        "summed over the batch": "GC244 GC233",
        "not divided by the length": "GC232 GC238 GC213 GC233",
    },
)
def normalise(wrong: str) -> Function:
    """x / ‖x‖, as F.normalize."""

    class Normalise(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            n = x.norm(dim=-1, keepdim=True).clamp_min(1e-12)
            y = x / n
            ctx.save_for_backward(x, y, n)
            return y

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, y, n = ctx.saved_tensors
            axis = 0 if wrong == "summed over the batch" else -1
            other = x if wrong == "x for the unit vector" else y
            back = other * (g * other).sum(axis, keepdim=True)
            if wrong == "no projection":
                back = torch.zeros_like(back)
            return g - back if wrong == "not divided by the length" else (g - back) / n

    return Normalise


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("v", 3, 4), 1 + normal("s", 3, 1) ** 2),
    {"no projection": "GC230 GC236", "scale's by v": "GC238 GC213 GC232", "scale forgotten": "GC238 GC232 GC213 GC231"},
)
def weight_norm(wrong: str) -> Function:
    """A linear layer by a direction and a length."""

    class WeightNorm(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, v: Tensor, s: Tensor) -> Tensor:
            length = torch.linalg.vector_norm(v, dim=1, keepdim=True)
            unit = v / length
            w = s * unit
            ctx.save_for_backward(x, v, s, unit, length)
            return torch.nn.functional.linear(x, w)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, v, s, unit, length = ctx.saved_tensors
            dw = g.mT @ x
            du = dw if wrong == "scale forgotten" else dw * s
            inside = du if wrong == "no projection" else du - unit * (du * unit).sum(1, keepdim=True)
            ds = (dw * (v if wrong == "scale's by v" else unit)).sum(1, keepdim=True)
            return g @ (s * unit), inside / length, ds

    return WeightNorm
