"""Attention in its kinds: scales, masks, transposes, groups, rotations, blocks."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from wrong_functions.planting import Function, Planted, normal, planted

FUNCTIONS: list[Planted] = []


@planted(
    FUNCTIONS,
    (normal("q", 2, 6, 4), normal("k", 2, 6, 4), normal("v", 2, 6, 4)),
    {
        "row sums forgotten": "GC230 GC236 GC233",
        "scale twice for the keys": "GC201",
        "values' of the last block": "GC235 GC237 GC207 GC215",
        "queries' of the last block": "GC235 GC230 GC236",
        "causal mask forgotten": "GC232 GC236 GC233",
    },
)
def flash_attention(wrong: str) -> Function:
    """Causal, with the softmax made block by block of keys."""

    class FlashAttention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            n, length, dim = q.shape
            scale = dim**-0.5
            top = q.new_full((n, length, 1), -math.inf)
            total, out = q.new_zeros(n, length, 1), torch.zeros_like(q)
            at = torch.arange(length)
            for j in range(0, length, 3):
                s = q @ k[:, j : j + 3].transpose(1, 2) * scale
                s = s.masked_fill(at[:, None] < at[None, j : j + 3], -1e9)
                higher = torch.maximum(top, s.max(-1, keepdim=True).values)
                p = torch.exp(s - higher)
                again = torch.exp(top - higher)
                total = total * again + p.sum(-1, keepdim=True)
                out = out * again + p @ v[:, j : j + 3]
                top = higher
            out = out / total
            ctx.save_for_backward(q, k, v, out, top + torch.log(total))
            return out

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            q, k, v, out, lse = ctx.saved_tensors
            length, scale = q.shape[1], q.shape[-1] ** -0.5
            at = torch.arange(length)
            rows = (g * out).sum(-1, keepdim=True)
            if wrong == "row sums forgotten":
                rows = torch.zeros_like(rows)
            dq, dk, dv = torch.zeros_like(q), torch.zeros_like(k), torch.zeros_like(v)
            for j in range(0, length, 3):
                block = slice(j, j + 3)
                p = torch.exp(q @ k[:, block].transpose(1, 2) * scale - lse)
                if wrong != "causal mask forgotten":
                    p = p.masked_fill(at[:, None] < at[None, block], 0.0)
                if wrong != "values' of the last block" or j + 3 >= length:
                    dv[:, block] = p.transpose(1, 2) @ g
                ds = p * (g @ v[:, block].transpose(1, 2) - rows) * scale
                dq = ds @ k[:, block] if wrong == "queries' of the last block" else dq + ds @ k[:, block]
                dk[:, block] = ds.transpose(1, 2) @ q
            return dq, dk * scale if wrong == "scale twice for the keys" else dk, dv

    return FlashAttention


@planted(
    FUNCTIONS,
    (normal("q", 2, 5, 6), normal("k", 2, 5, 6), normal("angle", 5, 3)),
    {
        "turned once more": "GC231 GC238 GC233 GC202",
        "keys not turned back": "GC232 GC233 GC230 GC236",
        "sine and cosine exchanged": "GC238",
    },
    "angle",
)
def rope(wrong: str) -> Function:
    """Queries and keys turned by their position, halves of a head as in Llama."""

    class RoPE(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, angle: Tensor) -> Any:
            cos, sin = angle.cos(), angle.sin()
            ctx.save_for_backward(cos, sin)
            a, b = q.chunk(2, -1)
            c, d = k.chunk(2, -1)
            turned = torch.cat([a * cos - b * sin, b * cos + a * sin], -1)
            return turned, torch.cat([c * cos - d * sin, d * cos + c * sin], -1)

        @staticmethod
        def backward(ctx: Any, gq: Tensor, gk: Tensor) -> Any:
            cos, sin = ctx.saved_tensors
            if wrong == "sine and cosine exchanged":
                cos, sin = sin, cos
            if wrong == "turned once more":
                sin = -sin
            a, b = gq.chunk(2, -1)
            c, d = gk.chunk(2, -1)
            dq = torch.cat([a * cos + b * sin, b * cos - a * sin], -1)
            dk = gk if wrong == "keys not turned back" else torch.cat([c * cos + d * sin, d * cos - c * sin], -1)
            return dq, dk, None

    return RoPE


@planted(
    FUNCTIONS,
    (normal("q", 2, 4, 3, 5), normal("k", 2, 2, 3, 5), normal("v", 2, 2, 3, 5)),
    {
        "groups averaged": "GC201",
        "first of each group": "GC235 GC207 GC215 GC230 GC236 GC237",
        "softmax summed over the queries": "GC244",
        "heads grouped in another order": "GC203 GC206 GC212 GC242 GC245 GC233",
    },
)
def grouped_attention(wrong: str) -> Function:
    """Two heads of queries for each of keys and values."""

    class GroupedAttention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            many = q.shape[1] // k.shape[1]
            keys = k.repeat_interleave(many, dim=1)
            values = v.repeat_interleave(many, dim=1)
            scores = torch.einsum("bhqd,bhkd->bhqk", q, keys) / math.sqrt(q.shape[-1])
            p = scores.softmax(-1)
            ctx.save_for_backward(q, keys, values, p)
            ctx.many = many
            return torch.einsum("bhqk,bhkd->bhqd", p, values)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            q, keys, values, p = ctx.saved_tensors
            n, heads, length, dim = g.shape
            dvalues = p.transpose(-1, -2) @ g
            dp = g @ values.transpose(-1, -2)
            axis = -2 if wrong == "softmax summed over the queries" else -1
            ds = p * (dp - (dp * p).sum(axis, keepdim=True)) / math.sqrt(dim)
            dkeys = ds.transpose(-1, -2) @ q

            def gathered(d: Tensor) -> Tensor:
                if wrong == "heads grouped in another order":
                    return d.view(n, ctx.many, heads // ctx.many, length, dim).sum(1)
                grouped = d.view(n, heads // ctx.many, ctx.many, length, dim)
                if wrong == "groups averaged":
                    return grouped.mean(2)
                return grouped[:, :, 0] if wrong == "first of each group" else grouped.sum(2)

            return ds @ keys, gathered(dkeys), gathered(dvalues)

    return GroupedAttention


@planted(
    FUNCTIONS,
    (normal("q", 5, 3), normal("k", 5, 3), normal("v", 5, 4)),
    {
        "sum not from the other end": "GC233",
        "keys' feature not differentiated": "GC232",
        "queries' feature not differentiated": "GC232",
    },
)
def linear_attention(wrong: str) -> Function:
    """Causal by a running sum, with the feature elu + 1."""

    class LinearAttention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            fq = functional.elu(q) + 1
            fk = functional.elu(k) + 1
            state = torch.cumsum(fk[:, :, None] * v[:, None, :], 0)
            ctx.save_for_backward(q, k, v, fq, fk, state)
            return torch.einsum("td,tde->te", fq, state)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            q, k, v, fq, fk, state = ctx.saved_tensors
            dstate = fq[:, :, None] * g[:, None, :]
            back = dstate.cumsum(0) if wrong == "sum not from the other end" else dstate.flip(0).cumsum(0).flip(0)
            dfq, dfk = (state * g[:, None, :]).sum(-1), (back * v[:, None, :]).sum(-1)
            dq = dfq if wrong == "queries' feature not differentiated" else dfq * torch.where(q > 0, 1.0, q.exp())
            dk = dfk if wrong == "keys' feature not differentiated" else dfk * torch.where(k > 0, 1.0, k.exp())
            return dq, dk, (back * fk[:, :, None]).sum(1)

    return LinearAttention


@planted(
    FUNCTIONS,
    (normal("x", 2, 3, 8), normal("w", 8, 24) / 3, normal("b", 3, 3)),
    {
        "scale in the bias": "GC201 GC231",
        "heads put together by reshape": "GC203",
        "values' weights not transposed": "GC238 GC203",
        "keys' part for the queries'": "GC212 GC242 GC238",
    },
)
def self_attention(wrong: str) -> Function:
    """Two heads, one product for queries, keys and values, and a bias of the scores."""

    class SelfAttention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Tensor, w: Tensor, bias: Tensor) -> Tensor:
            n, length, dim = x.shape
            qkv = (x @ w).view(n, length, 3, 2, dim // 2).permute(2, 0, 3, 1, 4)
            q, k, v = qkv.unbind(0)
            p = torch.softmax(q @ k.mT * (dim // 2) ** -0.5 + bias, -1)
            ctx.save_for_backward(x, w, q, k, v, p)
            return (p @ v).transpose(1, 2).reshape(n, length, dim)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> Any:
            x, w, q, k, v, p = ctx.saved_tensors
            n, length, dim = x.shape
            scale = (dim // 2) ** -0.5
            if wrong == "heads put together by reshape":
                d = g.reshape(n, 2, length, dim // 2)
            else:
                d = g.reshape(n, length, 2, dim // 2).transpose(1, 2)
            dp = d @ v.mT
            ds = p * (dp - (dp * p).sum(-1, keepdim=True))
            dbias = ds.sum((0, 1))
            dq, dk = ds @ k * scale, ds.mT @ q * scale
            dv = (p if wrong == "values' weights not transposed" else p.mT) @ d
            parts = [dk, dq, dv] if wrong == "keys' part for the queries'" else [dq, dk, dv]
            dqkv = torch.stack(parts, 0).permute(1, 3, 0, 2, 4).reshape(n, length, 3 * dim)
            dw = torch.einsum("nti,ntj->ij", x, dqkv)
            return dqkv @ w.t(), dw, dbias * scale if wrong == "scale in the bias" else dbias

    return SelfAttention
