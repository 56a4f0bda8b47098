"""Convolutions, pools and resizing: kernels turned, paddings, overlaps and counts."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("x", 2, 2, 5, 5), normal("w", 3, 2, 3, 3), normal("b", 3)),
    {
        "kernel turned": "GC238 GC204",
        "weight's of the first sample": "GC207",
        "weight's averaged over the batch": "GC201",
        "bias's averaged over positions": "GC201",
    },
)
def conv_unfold(wrong: str) -> Function:
    """By F.unfold, with stride 2 and padding 1."""

    class ConvUnfold(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
            columns = functional.unfold(x, 3, padding=1, stride=2)
            out = w.view(len(w), -1) @ columns + b[:, None]
            ctx.save_for_backward(columns, w)
            ctx.size = x.shape[2:]
            return out.view(len(x), len(w), 3, 3)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            columns, w = ctx.saved_tensors
            d = g.flatten(2)
            kernel = w.flip(-1, -2) if wrong == "kernel turned" else w
            dx = functional.fold(kernel.reshape(len(w), -1).t() @ d, ctx.size, 3, padding=1, stride=2)
            dw = d @ columns.mT
            if wrong == "weight's of the first sample":
                dw = dw[:1]
            dw = (dw.mean(0) if wrong == "weight's averaged over the batch" else dw.sum(0)).view_as(w)
            db = d.sum(0).mean(1) if wrong == "bias's averaged over positions" else d.sum((0, 2))
            return dx, dw, db

    return ConvUnfold


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 4, 4), normal("w", 3, 2, 3, 3)),
    {"kernel turned": "GC238 GC204", "weight's turned": "GC204 GC238", "weight's of the last sample": "GC207"},
)
def conv_transposed(wrong: str) -> Function:
    """F.conv_transpose2d with stride 2."""

    class ConvTransposed(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            ctx.save_for_backward(x, w)
            return functional.conv_transpose2d(x, w, stride=2)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w = ctx.saved_tensors
            dx = functional.conv2d(g, w.flip(-1, -2) if wrong == "kernel turned" else w, stride=2)
            last = slice(-1, None) if wrong == "weight's of the last sample" else slice(None)
            dw = torch.nn.grad.conv2d_weight(g[last], w.shape, x[last], stride=2)
            return dx, dw.flip(-1, -2) if wrong == "weight's turned" else dw

    return ConvTransposed


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 7), normal("w", 3, 1, 3)),
    {"padding cut off at the wrong end": "GC245 GC206", "kernel turned": "GC238 GC204", "silu left out": "GC232"},
)
def causal_conv(wrong: str) -> Function:
    """A kernel for each channel that sees what was before alone, then silu, as in Mamba."""

    class CausalConv(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            padded = functional.pad(x, (2, 0))
            y = functional.conv1d(padded, w, groups=3)
            ctx.save_for_backward(padded, w, y)
            return functional.silu(y)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            padded, w, y = ctx.saved_tensors
            s = torch.sigmoid(y)
            d = g if wrong == "silu left out" else g * s * (1 + y * (1 - s))
            kernel = w.flip(-1) if wrong == "kernel turned" else w
            below = torch.nn.grad.conv1d_input(padded.shape, kernel, d, groups=3)
            dw = torch.nn.grad.conv1d_weight(padded, w.shape, d, groups=3)
            return below[..., :-2] if wrong == "padding cut off at the wrong end" else below[..., 2:], dw

    return CausalConv


@planted(
    FUNCTIONS,
    (normal("x", 2, 2, 5, 5),),
    {"not divided": "GC201", "overlaps overwritten": "GC237"},
)
def average_pool(wrong: str) -> Function:
    """Windows of 3 with stride 1, by Tensor.unfold."""

    class AveragePool(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            ctx.shape = x.shape
            return x.unfold(2, 3, 1).unfold(3, 3, 1).mean((-1, -2))

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            dx = g.new_zeros(ctx.shape)
            for i in range(g.shape[2]):
                for j in range(g.shape[3]):
                    piece = g[:, :, i, j, None, None] / (1 if wrong == "not divided" else 9)
                    if wrong == "overlaps overwritten":
                        dx[:, :, i : i + 3, j : j + 3] = piece
                    else:
                        dx[:, :, i : i + 3, j : j + 3] += piece
            return dx

    return AveragePool


@planted(
    FUNCTIONS,
    (normal("x", 2, 2, 5, 5),),
    {"overlaps overwritten": "GC237", "to the whole window": "GC232 GC233"},
)
def max_pool(wrong: str) -> Function:
    """Windows of 3 with stride 2 and the places of the maxima."""

    class MaxPool(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            out, places = functional.max_pool2d(x, 3, 2, return_indices=True)
            ctx.save_for_backward(places)
            ctx.shape = x.shape
            return out

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (places,) = ctx.saved_tensors
            n, c, height, width = ctx.shape
            flat = g.new_zeros(n, c, height * width)
            if wrong == "to the whole window":
                columns = g.flatten(2)[:, :, None].expand(n, c, 9, 4).reshape(n, c * 9, 4)
                return functional.fold(columns, (height, width), 3, stride=2)
            put = flat.scatter_ if wrong == "overlaps overwritten" else flat.scatter_add_
            return put(2, places.flatten(2), g.flatten(2)).view(ctx.shape)

    return MaxPool


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 4),),
    {"averaged": "GC201", "first of each alone": "GC235 GC207 GC215 GC237 GC230", "sine for the cosine": "GC233"},
)
def upsampled_sine(wrong: str) -> Function:
    """Each number twice, then its sine."""

    class UpsampledSine(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            wide = x.repeat_interleave(2, dim=-1)
            ctx.save_for_backward(wide)
            return torch.sin(wide)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (wide,) = ctx.saved_tensors
            d = g * (wide.sin() if wrong == "sine for the cosine" else wide.cos())
            pairs = d.unflatten(-1, (-1, 2))
            if wrong == "averaged":
                return pairs.mean(-1)
            return pairs[..., 0] if wrong == "first of each alone" else pairs.sum(-1)

    return UpsampledSine


@planted(
    FUNCTIONS,
    (normal("x", 2, 8, 2, 3),),
    {"reshaped": "GC203", "rows for columns of a block": "GC203 GC206 GC212 GC245 GC233"},
)
def pixel_shuffle(wrong: str) -> Function:
    """Channels to positions."""

    class PixelShuffle(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            n, c, height, width = x.shape
            ctx.shape = x.shape
            blocks = x.view(n, c // 4, 2, 2, height, width).permute(0, 1, 4, 2, 5, 3)
            return blocks.reshape(n, c // 4, 2 * height, 2 * width)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            n, c, height, width = ctx.shape
            if wrong == "reshaped":
                return g.reshape(ctx.shape)
            blocks = g.reshape(n, c // 4, height, 2, width, 2)
            order = (0, 1, 5, 3, 2, 4) if wrong == "rows for columns of a block" else (0, 1, 3, 5, 2, 4)
            return blocks.permute(order).reshape(ctx.shape)

    return PixelShuffle


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 2, 4), normal("w", 3, 3)),
    {
        "squeeze not differentiated": "GC230 GC236",
        "mean's count forgotten": "GC231",
        "logistic derivative missing": "GC232",
        "weight transposed": "GC238 GC203",
    },
)
def squeeze_excite(wrong: str) -> Function:
    """Channels scaled by a gate of their means."""

    class SqueezeExcite(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            pooled = x.mean(dim=(2, 3))
            gate = torch.sigmoid(pooled @ w)
            ctx.save_for_backward(x, w, pooled, gate)
            return x * gate[:, :, None, None]

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, pooled, gate = ctx.saved_tensors
            dgate = (g * x).sum((2, 3))
            dz = dgate if wrong == "logistic derivative missing" else dgate * gate * (1 - gate)
            dpooled = dz @ (w if wrong == "weight transposed" else w.t())
            if wrong == "squeeze not differentiated":
                dpooled = torch.zeros_like(dpooled)
            count = 1 if wrong == "mean's count forgotten" else x[0, 0].numel()
            return g * gate[:, :, None, None] + dpooled[:, :, None, None] / count, pooled.t() @ dz

    return SqueezeExcite
