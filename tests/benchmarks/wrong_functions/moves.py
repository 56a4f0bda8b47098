"""Reading, writing and putting together: indices, masks, pieces, pairs."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("w", 6, 3), torch.tensor([[0, 2, 2], [5, 1, 2]])),
    {"not divided": "GC201 GC231", "overwritten": "GC237"},
)
def embedding_bag(wrong: str) -> Function:
    """The mean of the vectors of a bag."""

    class EmbeddingBag(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, w: Tensor, ids: Tensor) -> Tensor:
            ctx.save_for_backward(ids)
            ctx.shape = w.shape
            return functional.embedding(ids, w).mean(1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            (ids,) = ctx.saved_tensors
            d = g[:, None].expand(*ids.shape, -1)
            if wrong != "not divided":
                d = d / ids.shape[1]
            dw = g.new_zeros(ctx.shape)
            if wrong == "overwritten":
                dw[ids] = d
            else:
                dw.index_put_((ids,), d, accumulate=True)
            return dw, None

    return EmbeddingBag


@planted(
    FUNCTIONS,
    (normal("x", 5, 3), normal("e", 6), torch.tensor([0, 1, 1, 3, 4, 2]), torch.tensor([1, 0, 2, 2, 3, 3])),
    {
        "source and target exchanged": "GC238 GC243 GC242 GC233 GC245",
        "degree forgotten": "GC232 GC238 GC213",
        "edge's not multiplied": "GC238 GC213 GC232",
        "overwritten": "GC237",
    },
)
def graph_mean(wrong: str) -> Function:
    """The mean of the neighbours, weighted by edges."""

    class GraphMean(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, e: Tensor, source: Tensor, target: Tensor) -> Tensor:
            degree = torch.bincount(target, minlength=len(x)).clamp(min=1).to(x.dtype)
            messages = x[source] * e[:, None]
            total = torch.zeros_like(x).index_add(0, target, messages)
            ctx.save_for_backward(x, e, source, target, degree)
            return total / degree[:, None]

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, e, source, target, degree = ctx.saved_tensors
            total = g if wrong == "degree forgotten" else g / degree[:, None]
            messages = total[source if wrong == "source and target exchanged" else target]
            back = messages if wrong == "edge's not multiplied" else messages * e[:, None]
            dx = torch.zeros_like(x)
            if wrong == "overwritten":
                dx[source] = back
            else:
                dx.index_add_(0, target if wrong == "source and target exchanged" else source, back)
            return dx, (messages * x[source]).sum(1), None, None

    return GraphMean


@planted(
    FUNCTIONS,
    (normal("x", 5, 4), normal("w", 4, 3), normal("u", 3, 4, 4)),
    {
        "router not differentiated": "GC230 GC236",
        "router's softmax as its diagonal": "GC233",
        "gate forgotten for the experts": "GC238 GC232 GC213",
        "x lacks the router": "GC236 GC230",
    },
)
def mixture(wrong: str) -> Function:
    """One expert for each row, scaled by the router's probability."""

    class Mixture(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, u: Tensor) -> Tensor:
            p = torch.softmax(x @ w, dim=-1)
            chosen = p.argmax(-1, keepdim=True)
            gate = p.gather(1, chosen)
            out = torch.einsum("ni,nij->nj", x, u[chosen[:, 0]])
            ctx.save_for_backward(x, w, u, p, chosen, gate, out)
            return gate * out

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, u, p, chosen, gate, out = ctx.saved_tensors
            dgate = (g * out).sum(1, keepdim=True)
            dp = torch.zeros_like(p).scatter(1, chosen, dgate)
            if wrong == "router's softmax as its diagonal":
                dz = dp * p * (1 - p)
            else:
                dz = p * (dp - (dp * p).sum(1, keepdim=True))
            if wrong == "router not differentiated":
                dz = torch.zeros_like(dz)
            dout = g if wrong == "gate forgotten for the experts" else g * gate
            du = torch.zeros_like(u).index_add(0, chosen[:, 0], x[:, :, None] * dout[:, None, :])
            dx = torch.einsum("nj,nij->ni", dout, u[chosen[:, 0]])
            return dx if wrong == "x lacks the router" else dx + dz @ w.t(), x.t() @ dz, du

    return Mixture


@planted(
    FUNCTIONS,
    (normal("x", 4, 5), normal("y", 4, 5), normal("m", 4, 5) > 0),
    {
        "mask turned": "GC233 GC238 GC212 GC102",
        "square not differentiated": "GC232",
        "other branch dropped": "GC205 GC230 GC236",
        "2 forgotten": "GC201",
    },
)
def chosen(wrong: str) -> Function:
    """x² where the mask says so, tanh(y) elsewhere."""

    class Chosen(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
            t = y.tanh()
            ctx.save_for_backward(x, t, mask)
            return torch.where(mask, x**2, t)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, t, mask = ctx.saved_tensors
            if wrong == "mask turned":
                mask = ~mask
            slope = 1 if wrong == "square not differentiated" else (1 if wrong == "2 forgotten" else 2) * x
            dx, dy = g * mask * slope, g * ~mask * (1 - t * t)
            return dx, torch.zeros_like(dy) if wrong == "other branch dropped" else dy, None

    return Chosen


@planted(
    FUNCTIONS,
    (normal("x", 5, 3), normal("w", 9, 2)),
    {
        "sine's lost": "GC230 GC236",
        "square's 2 forgotten": "GC231 GC233",
        "pieces in another order": "GC212 GC238 GC233 GC206 GC242",
    },
)
def features(wrong: str) -> Function:
    """A linear layer on x, its square and its sine."""

    class Features(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
            wide = torch.cat([x, x.square(), torch.sin(x)], dim=1)
            ctx.save_for_backward(x, w, wide)
            return wide @ w

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, wide = ctx.saved_tensors
            plain, square, sine = (g @ w.t()).split(3, dim=1)
            if wrong == "pieces in another order":
                square, sine = sine, square
            dx = plain + (1 if wrong == "square's 2 forgotten" else 2) * x * square
            return dx if wrong == "sine's lost" else dx + sine * x.cos(), wide.t() @ g

    return Features


@planted(
    FUNCTIONS,
    (normal("x", 4, 3, 2), normal("y", 4, 3, 2)),
    {"not conjugated": "GC231 GC238 GC202 GC233", "imaginary part lost": "GC230 GC236"},
)
def complex_product(wrong: str) -> Function:
    """Of numbers whose last axis holds the real and the imaginary part."""

    class ComplexProduct(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
            a, b = x.unbind(-1)
            c, d = y.unbind(-1)
            ctx.save_for_backward(x, y)
            return torch.stack([a * c - b * d, a * d + b * c], -1)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, y = ctx.saved_tensors
            u, v = g.unbind(-1)

            def back(z: Tensor, sign: int = 1) -> Tensor:
                c, d = z.unbind(-1)
                other = torch.zeros_like(d) if wrong == "imaginary part lost" else d * sign
                return torch.stack([u * c + v * other, v * c - u * other], -1)

            return back(y, -1 if wrong == "not conjugated" else 1), back(x)

    return ComplexProduct


@planted(
    FUNCTIONS,
    (normal("x", 4, 3), normal("c", 4, 3)),
    {
        "centres' sign": "GC202",
        "centres' summed over the centres": "GC203 GC233 GC202 GC214",
        "distance not divided by": "GC232 GC213 GC233",
        "2 left": "GC201",
    },
)
def distances(wrong: str) -> Function:
    """Of each row to each centre, as torch.cdist."""

    class Distances(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, c: Tensor) -> Tensor:
            d = x[:, None, :] - c[None, :, :]
            r = d.pow(2).sum(-1).sqrt()
            ctx.save_for_backward(d, r)
            return r

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            d, r = ctx.saved_tensors
            each = g[..., None] * d / (1 if wrong == "distance not divided by" else r[..., None])
            if wrong == "2 left":
                each = 2 * each
            dc = each.sum(1 if wrong == "centres' summed over the centres" else 0)
            return each.sum(1), dc if wrong == "centres' sign" else -dc

    return Distances


@planted(
    FUNCTIONS,
    (normal("x", 3, 6), 2),
    {"shifted the same way": "GC233 GC206 GC243", "one step off": "GC243 GC206"},
)
def lagged(wrong: str) -> Function:
    """x times itself some steps before."""

    class Lagged(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, lag: int) -> Tensor:
            before = torch.roll(x, lag, dims=1)
            ctx.save_for_backward(x, before)
            ctx.lag = lag
            return x * before

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, before = ctx.saved_tensors
            lag = ctx.lag if wrong == "shifted the same way" else -ctx.lag
            return g * before + torch.roll(g * x, lag + (wrong == "one step off"), dims=1), None

    return Lagged


@planted(
    FUNCTIONS,
    (normal("x", 4, 6), 1 + normal("s", 2) ** 2, torch.tensor([1, 4])),
    {
        "scaled everywhere else": "GC232 GC213 GC215 GC238 GC233",
        "scale's by what was scaled": "GC238 GC213",
        "scale's averaged": "GC201",
    },
)
def scaled_columns(wrong: str) -> Function:
    """Some columns of a copy scaled in place."""

    class ScaledColumns(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, s: Tensor, columns: Tensor) -> Tensor:
            y = x.clone()
            y[:, columns] *= s
            ctx.save_for_backward(x, y, s, columns)
            return y

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, y, s, columns = ctx.saved_tensors
            dx = g.clone()
            if wrong != "scaled everywhere else":
                dx[:, columns] *= s
            ds = g[:, columns] * (y if wrong == "scale's by what was scaled" else x)[:, columns]
            return dx, ds.mean(0) if wrong == "scale's averaged" else ds.sum(0), None

    return ScaledColumns
