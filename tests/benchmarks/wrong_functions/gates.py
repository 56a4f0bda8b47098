"""Activations and gates: the derivative at the wrong place, of the wrong function, through one path alone."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    tuple(normal(name, *shape, dtype=torch.float32) for name, shape in (("x", (5, 4)), ("u", (4, 3)), ("v", (4, 3)))),
    {
        "logistic function for silu's derivative": "GC233 GC236 GC230",
        "x lacks the gate": "GC230 GC236 GC239",
        "gate before silu": "GC238",
        "gate not multiplied": "GC238 GC232 GC213",
    },
)
def swiglu(wrong: str) -> Function:
    """silu(x u) times x v, in float32."""

    class SwiGLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, u: Tensor, v: Tensor) -> Tensor:
            a = x @ u
            b = x @ v
            ctx.save_for_backward(x, u, v, a, b)
            return functional.silu(a) * b

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, u, v, a, b = ctx.saved_tensors
            s = torch.sigmoid(a)
            slope = s if wrong == "logistic function for silu's derivative" else s * (1 + a * (1 - s))
            da = g * slope if wrong == "gate not multiplied" else g * b * slope
            db = g * (a if wrong == "gate before silu" else a * s)
            dx = db @ v.t() if wrong == "x lacks the gate" else da @ u.t() + db @ v.t()
            return dx, x.t() @ da, x.t() @ db

    return SwiGLU


@planted(
    FUNCTIONS,
    (normal("x", 5, 6),),
    {
        "density forgotten": "GC233 GC236 GC230",
        "halves exchanged": "GC206 GC212 GC250 GC204",
        "one over the root of 2π forgotten": "GC231 GC233 GC236",
        "value times the gate before gelu": "GC238",
    },
)
def geglu(wrong: str) -> Function:
    """The first half times the gelu of the second."""

    class GeGLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            value, gate = x.chunk(2, -1)
            ctx.save_for_backward(value, gate)
            return value * functional.gelu(gate)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            value, gate = ctx.saved_tensors
            phi = 0.5 * (1 + torch.erf(gate / math.sqrt(2)))
            density = torch.exp(-0.5 * gate**2) / math.sqrt(2 * math.pi)
            if wrong == "density forgotten":
                density = torch.zeros_like(density)
            if wrong == "one over the root of 2π forgotten":
                density = density * math.sqrt(2 * math.pi)
            dvalue = g * (gate if wrong == "value times the gate before gelu" else gate * phi)
            parts = [dvalue, g * value * (phi + gate * density)]
            return torch.cat(parts[::-1] if wrong == "halves exchanged" else parts, -1)

    return GeGLU


@planted(
    FUNCTIONS,
    (normal("x", 4, 5),),
    {
        "softplus not differentiated": "GC232 GC233",
        "tanh differentiated at its input": "GC233",
        "x times tanh alone": "GC230 GC236 GC233",
        "1 - t for 1 - t²": "GC233",
    },
)
def mish(wrong: str) -> Function:
    """x tanh(softplus(x))."""

    class Mish(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            sp = functional.softplus(x)
            t = torch.tanh(sp)
            ctx.save_for_backward(x, sp, t)
            return x * t

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, sp, t = ctx.saved_tensors
            if wrong == "1 - t for 1 - t²":
                slope = 1 - t
            else:
                slope = 1 - (sp if wrong == "tanh differentiated at its input" else t) ** 2
            inner = slope if wrong == "softplus not differentiated" else slope * torch.sigmoid(x)
            return g * t if wrong == "x times tanh alone" else g * (t + x * inner)

    return Mish


@planted(
    FUNCTIONS,
    (normal("x", 5, 3), normal("a", 3) ** 2),
    {
        "slope's of the positive too": "GC233 GC236 GC232 GC238",
        "slope forgotten below zero": "GC230 GC236 GC233 GC238 GC232 GC231",
        "mask turned": "GC233 GC238",
    },
)
def prelu(wrong: str) -> Function:
    """A learnt slope per channel."""

    class PReLU(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, a: Tensor) -> Tensor:
            ctx.save_for_backward(x, a)
            return torch.where(x > 0, x, a * x)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, a = ctx.saved_tensors
            above = x < 0 if wrong == "mask turned" else x > 0
            low = g * above if wrong == "slope forgotten below zero" else torch.where(above, g, a * g)
            return low, (g * x if wrong == "slope's of the positive too" else g * x * (x <= 0)).sum(0)

    return PReLU


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 4, 4), normal("b", 4), normal("m", 5, 4) > -0.5, 0.3),
    {
        "scale forgotten": "GC231 GC232 GC238 GC201",
        "mask forgotten": "GC232 GC236 GC238",
        "residual dropped": "GC230 GC236",
        "bias's without the mask": "GC239 GC232 GC238",
    },
)
def dropout_residual(wrong: str) -> Function:
    """x + dropout(x w + b) with a mask that was drawn before."""

    class DropoutResidual(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor, keep: Tensor, p: float) -> Tensor:
            h = torch.addmm(b, x, w)
            ctx.save_for_backward(x, w, keep)
            ctx.p = p
            return x + h * keep / (1 - p)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, keep = ctx.saved_tensors
            d = g if wrong == "mask forgotten" else g * keep
            if wrong != "scale forgotten":
                d = d / (1 - ctx.p)
            dx = d @ w.t() if wrong == "residual dropped" else g + d @ w.t()
            db = g.sum(0) / (1 - ctx.p) if wrong == "bias's without the mask" else d.sum(0)
            return dx, x.t() @ d, db, None, None

    return DropoutResidual


@planted(
    FUNCTIONS,
    (2 * normal("x", 4, 6), torch.tensor(0.8, dtype=torch.float64), -1.0, 1.5),
    {
        "no upper bound": "GC233",
        "no mask": "GC232 GC233 GC239",
        "scale's without the bounds": "GC230 GC236 GC233",
    },
)
def clamped(wrong: str) -> Function:
    """s clamp(x / s), what a quantiser rounds."""

    class Clamped(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, s: Tensor, low: float, high: float) -> Tensor:
            c = torch.clamp(x / s, low, high)
            ctx.save_for_backward(x, s, c)
            ctx.bounds = low, high
            return c * s

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, s, c = ctx.saved_tensors
            low, high = ctx.bounds
            inside = (x / s > low) & (x / s < high)
            mask = x / s > low if wrong == "no upper bound" else inside
            dx = g if wrong == "no mask" else g * mask
            ds = g * c if wrong == "scale's without the bounds" else g * (c - torch.where(inside, x / s, 0.0))
            return dx, ds.sum(), None, None

    return Clamped


@planted(
    FUNCTIONS,
    (3 * normal("x", 4, 5), 2.0),
    {"divided by the cap once more": "GC201 GC231", "1 - t for 1 - t²": "GC233", "at the capped": "GC233 GC238"},
)
def soft_cap(wrong: str) -> Function:
    """c tanh(x / c), as logits are capped."""

    class SoftCap(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, cap: float) -> Tensor:
            y = torch.tanh(x / cap) * cap
            ctx.save_for_backward(y)
            ctx.cap = cap
            return y

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (y,) = ctx.saved_tensors
            t = y if wrong == "at the capped" else y / ctx.cap
            d = g * (1 - t) if wrong == "1 - t for 1 - t²" else g * (1 - t * t)
            return d / ctx.cap if wrong == "divided by the cap once more" else d, None

    return SoftCap


@planted(
    FUNCTIONS,
    (normal("x", 4, 6),),
    {"to all pieces": "GC232 GC233 GC214", "to the first piece": "GC215 GC235 GC233 GC242"},
)
def maxout(wrong: str) -> Function:
    """The largest of three pieces."""

    class Maxout(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor) -> Tensor:
            pieces = x.view(len(x), 3, -1)
            out, places = pieces.max(1)
            ctx.save_for_backward(places)
            return out

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (places,) = ctx.saved_tensors
            d = g.new_zeros(len(g), 3, g.shape[1])
            if wrong == "to all pieces":
                d = d + g[:, None]
            elif wrong == "to the first piece":
                d[:, 0] = g
            else:
                d.scatter_(1, places[:, None], g[:, None])
            return d.reshape(len(g), -1)

    return Maxout
