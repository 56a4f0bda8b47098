"""Products and solutions of linear systems: transposes, factors, the other operand."""

from typing import Any

import torch
from torch import Tensor
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 4, 3), normal("a", 4, 2), normal("b", 2, 3), 0.5),
    {
        "scale forgotten": "GC201",
        "x lacks the adapter": "GC230 GC236",
        "adapter by x": "GC238 GC212",
        "scale twice": "GC201 GC231",
    },
)
def lora(wrong: str) -> Function:
    """A frozen layer and a low-rank one beside it; what needs no gradient gets none."""

    class LoRA(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, a: Tensor, b: Tensor, scale: float) -> Tensor:
            low = x @ a
            ctx.save_for_backward(x, w, a, b, low)
            ctx.scale = scale
            return torch.addmm(x @ w, low, b, alpha=scale)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, a, b, low = ctx.saved_tensors
            gs = g * ctx.scale
            dlow = gs @ b.t() * (ctx.scale if wrong == "scale twice" else 1)
            dx = g @ w.t() if ctx.needs_input_grad[0] else None
            if dx is not None and wrong != "x lacks the adapter":
                dx = dx + dlow @ a.t()
            dw = x.t() @ g if ctx.needs_input_grad[1] else None
            seen = x[:, :2] if wrong == "adapter by x" else low
            return dx, dw, x.t() @ dlow, seen.t() @ (g if wrong == "scale forgotten" else gs), None

    return LoRA


@planted(
    FUNCTIONS,
    (normal("m", 2, 3, 3), normal("a", 2, 3, 4), normal("b", 2, 4, 3)),
    {"alpha forgotten": "GC201", "second not transposed": "GC203 GC238", "mean's sign": "GC202"},
)
def scores(wrong: str) -> Function:
    """torch.baddbmm with a factor."""

    class Scores(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, m: Tensor, a: Tensor, b: Tensor) -> Tensor:
            ctx.save_for_backward(a, b)
            return torch.baddbmm(m, a, b, beta=-1.0, alpha=0.25)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b = ctx.saved_tensors
            da, db = 0.25 * g @ b.mT, 0.25 * a.mT @ (g.mT if wrong == "second not transposed" else g)
            return g if wrong == "mean's sign" else -g, da * 4 if wrong == "alpha forgotten" else da, db

    return Scores


@planted(
    FUNCTIONS,
    (normal("a", 3, 3) + 3 * torch.eye(3, dtype=torch.float64), normal("b", 3, 2)),
    {
        "matrix not transposed": "GC238 GC233 GC203",
        "matrix's sign": "GC202",
        "matrix's by b": "GC238 GC233 GC213",
        "matrix's transposed": "GC203",
    },
)
def solve(wrong: str) -> Function:
    """A x = b."""

    class Solve(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
            x = torch.linalg.solve(a, b)
            ctx.save_for_backward(a, b, x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, b, x = ctx.saved_tensors
            db = torch.linalg.solve(a if wrong == "matrix not transposed" else a.mT, g)
            da = -db @ (b if wrong == "matrix's by b" else x).mT
            if wrong == "matrix's sign":
                da = -da
            return da.mT if wrong == "matrix's transposed" else da, db

    return Solve


@planted(
    FUNCTIONS,
    (normal("a", 3, 3) + 3 * torch.eye(3, dtype=torch.float64), normal("x", 4, 3)),
    {"not transposed": "GC203 GC233 GC238", "sign": "GC202 GC231", "one inverse forgotten": "GC233 GC238 GC232"},
)
def whitened(wrong: str) -> Function:
    """x A⁻¹ by torch.linalg.inv."""

    class Whitened(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, x: Tensor) -> Tensor:
            inverse = torch.linalg.inv(a)
            ctx.save_for_backward(inverse, x)
            return x @ inverse

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            inverse, x = ctx.saved_tensors
            d = x.mT @ g
            if wrong == "not transposed":
                da = -inverse @ d @ inverse
            elif wrong == "one inverse forgotten":
                da = -inverse.mT @ d
            else:
                da = -inverse.mT @ d @ inverse.mT
            return -da if wrong == "sign" else da, g @ inverse.mT

    return Whitened


@planted(
    FUNCTIONS,
    (normal("a", 3, 4),),
    {"2 forgotten": "GC201", "one side alone": "GC201 GC236 GC230", "not inverted": "GC213 GC233 GC232 GC238"},
)
def log_volume(wrong: str) -> Function:
    """log det(A Aᵀ + 1) by Cholesky."""

    class LogVolume(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor) -> Tensor:
            m = a @ a.mT + torch.eye(len(a), dtype=a.dtype)
            low = torch.linalg.cholesky(m)
            ctx.save_for_backward(a, m)
            return 2 * torch.log(torch.diagonal(low)).sum()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            a, m = ctx.saved_tensors
            dm = torch.eye(len(m), dtype=m.dtype) if wrong == "not inverted" else torch.linalg.inv(m)
            if wrong == "2 forgotten":
                dm = dm / 2
            return g * (dm @ a if wrong == "one side alone" else (dm + dm.mT) @ a)

    return LogVolume


@planted(
    FUNCTIONS,
    (normal("x", 4, 3), normal("w", 2, 3, 3), normal("y", 4, 3)),
    {
        "x by x": "GC238",
        "weight's transposed": "GC203",
        "weight transposed below": "GC238 GC203",
        "activation at its input": "GC233",
    },
)
def bilinear(wrong: str) -> Function:
    """tanh(x W y) by torch.einsum of three."""

    class Bilinear(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, y: Tensor) -> Tensor:
            z = torch.einsum("bi,oij,bj->bo", x, w, y)
            h = torch.tanh(z)
            ctx.save_for_backward(x, w, y, z, h)
            return h

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, y, z, h = ctx.saved_tensors
            d = g * (1 - (z if wrong == "activation at its input" else h) ** 2)
            used = w.mT if wrong == "weight transposed below" else w
            dx = torch.einsum("bo,oij,bj->bi", d, used, x if wrong == "x by x" else y)
            dw = torch.einsum("bo,bi,bj->oij", d, x, y)
            dy = torch.einsum("bo,oij,bi->bj", d, used, x)
            return dx, dw.mT if wrong == "weight's transposed" else dw, dy

    return Bilinear


@planted(
    FUNCTIONS,
    (normal("x", 5, 3), normal("a", 3, 3)),
    {"taken for symmetric": "GC238 GC236 GC231", "one side alone": "GC236 GC230", "2 in the matrix": "GC201"},
)
def quadratic(wrong: str) -> Function:
    """xᵀ A x of each row."""

    class Quadratic(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, a: Tensor) -> Tensor:
            ctx.save_for_backward(x, a)
            return (x @ a * x).sum(1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, a = ctx.saved_tensors
            both = a if wrong == "one side alone" else 2 * a if wrong == "taken for symmetric" else a + a.mT
            da = torch.einsum("n,ni,nj->ij", g, x, x)
            return g[:, None] * (x @ both.mT), 2 * da if wrong == "2 in the matrix" else da

    return Quadratic


@planted(
    FUNCTIONS,
    (normal("x", 3, 4, 5), 1 + normal("s", 3, 1, 5) / 3, normal("t", 3, 1, 5)),
    {"scale's averaged": "GC201", "shift's by x": "GC213 GC238 GC233 GC212", "scale forgotten": "GC238 GC232 GC213"},
)
def film(wrong: str) -> Function:
    """x scaled and shifted for each sample by torch.addcmul."""

    class FiLM(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, s: Tensor, t: Tensor) -> Tensor:
            ctx.save_for_backward(x, s)
            return torch.addcmul(t, x, s)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, s = ctx.saved_tensors
            ds = (g * x).sum(1, keepdim=True)
            dt = ds if wrong == "shift's by x" else g.sum(1, keepdim=True)
            return g if wrong == "scale forgotten" else g * s, ds / 4 if wrong == "scale's averaged" else ds, dt

    return FiLM


@planted(
    FUNCTIONS,
    (normal("x", 4, 5), normal("t", 4, 5), normal("m", 4, 5) > -0.5),
    {"mask forgotten": "GC232 GC236 GC233 GC238", "mean over all": "GC201", "2 forgotten": "GC201"},
)
def masked_mse(wrong: str) -> Function:
    """The mean over what is not masked."""

    class MaskedMSE(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, t: Tensor, mask: Tensor) -> Tensor:
            d = (x - t).masked_fill(~mask, 0.0)
            ctx.save_for_backward(x, t, mask)
            return (d**2).sum() / mask.sum()

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, t, mask = ctx.saved_tensors
            d = x - t if wrong == "mask forgotten" else (x - t) * mask
            count = d.numel() if wrong == "mean over all" else mask.sum()
            dx = (1 if wrong == "2 forgotten" else 2) * g * d / count
            return dx, -dx, None

    return MaskedMSE
