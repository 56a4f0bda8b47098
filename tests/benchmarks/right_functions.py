"""Right layers as ``torch.autograd.Function``, with a backward written by hand: in any dtype, bfloat16 among them."""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class Linear(torch.autograd.Function):
    """x @ w + b."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return x @ w + b

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        x, w = ctx.saved_tensors
        return d @ w.T, x.T @ d, d.sum(0)


class Conv(torch.autograd.Function):
    """A cross-correlation with stride 2 and padding 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return functional.conv2d(x, w, b, stride=2, padding=1)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        x, w = ctx.saved_tensors
        dx = torch.nn.grad.conv2d_input(x.shape, w, d, stride=2, padding=1)
        return dx, torch.nn.grad.conv2d_weight(x, w.shape, d, stride=2, padding=1), d.sum((0, 2, 3))


class ReLU(torch.autograd.Function):
    """max(x, 0); nothing goes back at 0."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        return d * (x > 0)


class MaxPool(torch.autograd.Function):
    """Windows of 3 with stride 2; the first of several maxima is paid."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out, ctx.places = functional.max_pool2d(x, 3, 2, return_indices=True)
        ctx.shape = x.shape
        return out

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Tensor:
        n, c, *_ = ctx.shape
        dx = d.new_zeros(n, c, ctx.shape[2] * ctx.shape[3])
        dx.scatter_add_(2, ctx.places.reshape(n, c, -1), d.reshape(n, c, -1))
        return dx.reshape(ctx.shape)


class CrossEntropy(torch.autograd.Function):
    """The mean over the batch, from logits."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, labels: Tensor) -> Tensor:
        log_p = logits - torch.logsumexp(logits, 1, keepdim=True)
        ctx.save_for_backward(log_p, labels)
        return -log_p[torch.arange(len(labels)), labels].mean()

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        log_p, labels = ctx.saved_tensors
        p = log_p.exp()
        p[torch.arange(len(labels)), labels] -= 1
        return d * p / len(labels), None


class LayerNorm(torch.autograd.Function):
    """Over the last axis."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gamma: Tensor, beta: Tensor) -> Tensor:
        centred = x - x.mean(1, keepdim=True)
        inv = torch.rsqrt((centred * centred).mean(1, keepdim=True) + 1e-5)
        normed = centred * inv
        ctx.save_for_backward(normed, inv, gamma)
        return gamma * normed + beta

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        normed, inv, gamma = ctx.saved_tensors
        dn = d * gamma
        dx = inv * (dn - dn.mean(1, keepdim=True) - normed * (dn * normed).mean(1, keepdim=True))
        return dx, (d * normed).sum(0), d.sum(0)


class GELU(torch.autograd.Function):
    """x Φ(x), exactly."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        density = torch.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return d * (0.5 * (1 + torch.erf(x / math.sqrt(2))) + x * density)


class LogSumExp(torch.autograd.Function):
    """Of each row, shifted by its maximum."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        m = x.max(1, keepdim=True).values
        e = torch.exp(x - m)
        s = e.sum(1, keepdim=True)
        ctx.save_for_backward(e / s)
        return (m + torch.log(s))[:, 0]

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Tensor:
        (p,) = ctx.saved_tensors
        return d[:, None] * p


class LSTM(torch.autograd.Function):
    """x (N, T, D) -> all hidden states (N, T, H); the gates are input, forget, output, candidate."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, h: Tensor, c: Tensor, wx: Tensor, wh: Tensor, b: Tensor) -> Tensor:
        hs, kept = [], []
        for step in x.unbind(1):
            z = step @ wx + h @ wh + b
            i, f, o, g = z.chunk(4, 1)
            i, f, o, g = i.sigmoid(), f.sigmoid(), o.sigmoid(), g.tanh()
            before = h, c
            c = f * c + i * g
            h = o * c.tanh()
            hs.append(h)
            kept += [*before, i, f, o, g, c]
        ctx.save_for_backward(x, wx, wh, *kept)
        return torch.stack(hs, 1)

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        x, wx, wh, *kept = ctx.saved_tensors
        dx, dwx, dwh, db = torch.zeros_like(x), torch.zeros_like(wx), torch.zeros_like(wh), torch.zeros_like(wx[0])
        dh = dc = torch.zeros_like(kept[0])
        for t in range(x.shape[1] - 1, -1, -1):
            h, c, i, f, o, g, after = kept[7 * t : 7 * t + 7]
            dh = dh + d[:, t]
            squashed = after.tanh()
            dc = dc + dh * o * (1 - squashed**2)
            gates = [dc * g * i * (1 - i), dc * c * f * (1 - f), dh * squashed * o * (1 - o), dc * i * (1 - g**2)]
            dz = torch.cat(gates, 1)
            dx[:, t] = dz @ wx.T
            dwx += x[:, t].T @ dz
            dwh += h.T @ dz
            db += dz.sum(0)
            dh, dc = dz @ wh.T, dc * f
        return dx, dh, dc, dwx, dwh, db


class Attention(torch.autograd.Function):
    """softmax(q kᵀ / √D) v."""

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        p = torch.softmax(q @ k.transpose(1, 2) * q.shape[-1] ** -0.5, -1)
        ctx.save_for_backward(q, k, v, p)
        return p @ v

    @staticmethod
    def backward(ctx: Any, d: Tensor) -> Any:
        q, k, v, p = ctx.saved_tensors
        dp = d @ v.transpose(1, 2)
        ds = p * (dp - (dp * p).sum(-1, keepdim=True)) * q.shape[-1] ** -0.5
        return ds @ k, ds.transpose(1, 2) @ q, p.transpose(1, 2) @ d
